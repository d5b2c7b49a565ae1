"""What goes over the wire in: the forms that requests are, and labels as people write them."""
