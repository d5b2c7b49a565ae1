"""What a support set says of the model to come of it, and a model of the examples it is asked about."""
