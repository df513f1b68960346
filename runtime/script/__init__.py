"""What a generated script does around its work: read its flags, stop when asked, end with an exit code."""
