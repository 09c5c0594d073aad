"""Keep secrets: values, their encryption, their export and import."""
