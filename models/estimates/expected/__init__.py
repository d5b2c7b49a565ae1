"""What left-out examples of a support set tell of the model to come: its accuracy, its curve, wrong labels."""
