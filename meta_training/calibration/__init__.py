"""What makes a checkpoint's answers mean what they say, fitted on pictures that it was not trained on."""
