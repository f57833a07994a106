"""Operations: what the people who run the system ask of it."""
