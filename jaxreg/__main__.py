"""Entry point of the command line, `python -m jaxreg`."""

from jaxreg.cli import app, main

__all__ = ["app", "main"]

if __name__ == "__main__":
    main()
