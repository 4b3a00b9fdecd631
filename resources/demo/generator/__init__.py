"""Parts of the demo corpus generator; see ../README.md."""
