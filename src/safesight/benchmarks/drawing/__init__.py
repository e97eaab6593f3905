"""The pen: flat drawings of people, things, places and papers, from which `starter` and `verifiable` are made."""
