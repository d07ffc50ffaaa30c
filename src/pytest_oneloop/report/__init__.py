"""What the plugin tells people: the header and the failure sections."""
