"""`python -m shopee_od.cli`: the same as `shopee-od`."""

from shopee_od.cli import main

if __name__ == "__main__":
    main()
