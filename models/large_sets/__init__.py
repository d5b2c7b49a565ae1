"""Support sets of tens of thousands of examples and a thousand classes and more, in bounded memory."""
