"""From a captured network or a quantized program to the file a phone runtime loads."""
