"""Package data: pretrained weights, each with a card of the same name (source, licence, sha256)."""
