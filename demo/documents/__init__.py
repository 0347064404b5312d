"""What can be learned from the text of one document, without looking at anything else."""
