"""How safe answers were safe: refusal, misunderstanding or evasion."""
