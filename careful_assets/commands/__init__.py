"""The commands of `careful`, by what they are for; each one's work is in `operations/`, imported when it is called."""
