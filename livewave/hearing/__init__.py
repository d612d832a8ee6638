"""What was heard: takes measured against the notes that asked for them, and drawn."""
