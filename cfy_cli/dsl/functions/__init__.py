"""The functions a blueprint may call: what they take, where they may stand, and what they give."""
