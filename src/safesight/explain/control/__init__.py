"""Does showing a case over several images raise the risk?"""
