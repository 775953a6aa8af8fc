"""What is uploaded to Kaggle, and the official command line tool that does it."""
