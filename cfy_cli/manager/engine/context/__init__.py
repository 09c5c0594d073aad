"""`ctx`: what a running script may ask and tell, by the ctx program and by the Python module `cloudify`."""
