"""Everything that Kaggle needs: what is uploaded, a rehearsal of the notebook, and the official command line tool."""
