"""Do more capable models fail more?"""
