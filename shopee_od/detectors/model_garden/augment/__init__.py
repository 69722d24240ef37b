"""Training photos made into collages, sheets and close-ups, as TensorFlow graphs of tf.data."""
