//! How many tokens a text costs.

/// Tokens of `text` in the `o200k_base` encoding (the models of `OpenAI` since GPT-4o). Other vendors'
/// tokenizers are not public; for English prose theirs lie within about a fifth of this.
pub fn tokens(text: &str) -> u64 {
    bpe_openai::o200k_base().count(text) as u64
}

#[cfg(test)]
mod tests {
    #[test]
    fn counts_what_the_encoding_gives() {
        // The reference implementation gives [13225, 11, 2375, 0] for this text.
        assert_eq!(super::tokens("Hello, world!"), 4);
        assert_eq!(super::tokens(""), 0);
    }
}
