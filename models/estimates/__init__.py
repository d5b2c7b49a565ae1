"""What a support set says of the model to come of it."""
