"""What is kept from others: secrets, and the keys and words that protect them."""
