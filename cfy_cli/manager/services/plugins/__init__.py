"""Keep plugins: take them in, choose among their versions, install them."""
