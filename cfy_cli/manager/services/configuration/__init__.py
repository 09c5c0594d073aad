"""Configuration of a manager: values that administrators change while it runs."""
