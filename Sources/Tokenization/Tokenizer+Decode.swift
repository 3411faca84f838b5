extension Tokenizer {
    /// The text of token ids, as Hugging Face's fast tokenizer writes it: tokens that continue a word
    /// joined to it, a space between words, none before punctuation marks and in contractions.
    ///
    /// - Parameters:
    ///   - skipSpecialTokens: whether `[CLS]` and its like are left out.
    ///   - isLeft: asked now and then; once nobody waits, what is returned has no meaning.
    /// - Throws: `unknownIdentifier`.
    package func decode(
        _ ids: [Int32], skipSpecialTokens: Bool = true, isLeft: () -> Bool = { false }
    ) throws(TokenizerError) -> String {
        var tokens: [String] = []
        tokens.reserveCapacity(ids.count)
        for (place, id) in ids.enumerated() {
            if place % Self.askedTokens == 0, isLeft() { return "" }
            guard let token = token(id) else {
                throw .unknownIdentifier(id, vocabularySize: vocabularySize)
            }
            if skipSpecialTokens, isSpecial(id) { continue }
            tokens.append(token)
        }
        var text = joinedBytes(tokens, isLeft: isLeft)
        if definition.cleanUpTokenizationSpaces { text = CleanUp.text(text, isLeft: isLeft) }
        return String(decoding: text, as: UTF8.self)
    }

    /// The text of tokens given by their names, without the last clean-up of spaces: Hugging Face's
    /// `convert_tokens_to_string`.
    package func joined(_ tokens: [String]) -> String {
        String(decoding: joinedBytes(tokens), as: UTF8.self)
    }

    /// Whether a token goes on with the word of the token before it.
    package func continuesWord(_ id: Int32) -> Bool {
        let prefix = definition.continuationPrefix
        guard !prefix.isEmpty, let token = token(id) else { return false }
        return token.utf8.count > prefix.utf8.count && token.utf8.starts(with: prefix.utf8)
    }

    /// How many tokens are read before it is asked whether anybody waits.
    private static let askedTokens = 1 << 14

    private func joinedBytes(
        _ tokens: [String], isLeft: () -> Bool = { false }
    ) -> [UInt8] {
        let prefix = Array(definition.continuationPrefix.utf8)
        var text: [UInt8] = []
        var isFirst = true
        for (place, token) in tokens.enumerated() {
            if place % Self.askedTokens == 0, isLeft() { return [] }
            var bytes = Array(token.utf8)
            if !isFirst {
                if bytes.starts(with: prefix) {
                    bytes.removeFirst(prefix.count)
                } else {
                    bytes.insert(0x20, at: 0)
                }
            }
            isFirst = false
            text += definition.decoderCleanUp ? CleanUp.token(bytes) : bytes
        }
        return text
    }
}

/// The replacements that make joined tokens read like text, in the order in which they are applied.
private enum CleanUp {
    private static let shared: [(pattern: String, replacement: String)] = [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"),
        (" 'm", "'m"),
    ]
    private static let contractions: [(pattern: String, replacement: String)] = [
        (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ]

    private static let ofTokens = compiled(shared + [(" do not", " don't")] + contractions)
    private static let ofTexts = compiled(shared + contractions)

    private static func compiled(
        _ rules: [(pattern: String, replacement: String)]
    ) -> [(pattern: [UInt8], replacement: [UInt8])] {
        rules.map { (Array($0.pattern.utf8), Array($0.replacement.utf8)) }
    }

    /// What the decoder does to each token by itself.
    static func token(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(0x20) else { return bytes }
        return ofTokens.reduce(bytes) { replace($1.pattern, in: $0, by: $1.replacement) }
    }

    /// What is then done to the whole text.
    static func text(_ bytes: [UInt8], isLeft: () -> Bool) -> [UInt8] {
        ofTexts.reduce(bytes) {
            isLeft() ? [] : replace($1.pattern, in: $0, by: $1.replacement)
        }
    }

    private static func replace(
        _ pattern: [UInt8], in text: [UInt8], by replacement: [UInt8]
    ) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var i = 0
        while i < text.count {
            if text[i] == pattern[0], i + pattern.count <= text.count,
                text[i..<i + pattern.count].elementsEqual(pattern)
            {
                result += replacement
                i += pattern.count
            } else {
                result.append(text[i])
                i += 1
            }
        }
        return result
    }
}
