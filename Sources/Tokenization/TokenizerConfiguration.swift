/// `tokenizer_config.json` and its older companions: names of the special tokens, tokens that were
/// added, the limit, and the normaliser's switches under their older names.
struct TokenizerConfiguration {
    /// A document and the file that it was read from.
    struct Source {
        let file: String
        let document: JSONValue
    }

    /// `special_tokens_map.json`.
    let map: Source?
    /// `tokenizer_config.json`.
    let main: Source?
    /// `added_tokens.json`.
    let added: Source?
    /// True for `vocab.txt`, which says nothing of special tokens: their names are given here, or are
    /// BERT's usual ones. `tokenizer.json` itself names those that every text gets.
    let isVocabularySource: Bool

    /// The documents that count; what a later one says stands. As in Hugging Face's, the older files
    /// count where the newer list of added tokens is missing.
    private var sources: [Source] {
        (addedTokensDecoder == nil ? [map, main] : [main]).compactMap { $0 }
    }

    private var addedTokensDecoder: JSONValue? { main?.document["added_tokens_decoder"] }

    /// Enters what the documents say, over what the definition has: as Hugging Face's
    /// `BertTokenizerFast`, which lets `do_lower_case` and its like overrule `tokenizer.json`.
    ///
    /// - Throws: `wrongField`, `specialTokenMissing`, `wrongIdentifier`, `unsupported`.
    func apply(to definition: inout TokenizerDefinition) throws(TokenizerError) {
        if let value = try bool("do_lower_case") { definition.flags.lowercase = value }
        if let value = try bool("tokenize_chinese_chars") {
            definition.flags.handleChineseCharacters = value
        }
        if let value = self["strip_accents"] {
            definition.flags.stripAccents = value.isNull ? nil : try bool("strip_accents")
        }
        if let value = try bool("clean_up_tokenization_spaces") {
            definition.cleanUpTokenizationSpaces = value
        }
        if case .number(let limit) = self["model_max_length"] {
            definition.modelMaxLength = limit >= 1 && limit < 1e9 ? Int(limit) : nil
        }
        if let name = try token("pad_token") { definition.padToken = name }
        if let name = try token("mask_token") { definition.maskToken = name }
        if isVocabularySource {
            if let name = try token("unk_token") { definition.unknownToken = name }
            if let name = try token("cls_token") { definition.classifyToken = name }
            if let name = try token("sep_token") { definition.separatorToken = name }
        }
        let configured = try specialTokens()
        var special = Set(configured.map { Array($0.name.utf8) })
        if isVocabularySource {
            special.formUnion(
                [
                    definition.padToken, definition.unknownToken, definition.classifyToken,
                    definition.separatorToken, definition.maskToken,
                ].map { Array($0.utf8) })
        }
        try addListedTokens(to: &definition, special: special)
        for (index, token) in definition.tokens.enumerated() {
            guard let token, special.remove(Array(token.utf8)) != nil else { continue }
            definition.add(AddedToken(id: Int32(index), content: token, isSpecial: true))
        }
        for (role, name) in configured where special.contains(Array(name.utf8)) {
            throw .specialTokenMissing(file: definition.file, role: role, token: name)
        }
    }

    /// Enters the tokens that a file lists with their identifiers.
    private func addListedTokens(
        to definition: inout TokenizerDefinition, special: Set<[UInt8]>
    ) throws(TokenizerError) {
        if let main, case .object(let entries) = addedTokensDecoder {
            for (key, entry) in entries {
                guard let id = Int(key) else {
                    throw wrong("added_tokens_decoder", "identifiers", .string(key))
                }
                try definition.add(entry, id: id, file: main.file)
            }
        } else if let added, case .object(let entries) = added.document {
            try addOlderTokens(entries, of: added.file, to: &definition, special: special)
        }
    }

    /// `added_tokens.json`, {token: identifier}. Hugging Face makes special tokens of those that have
    /// a role, has all others looked for in the normalised text, and numbers them by itself, in this
    /// order.
    private func addOlderTokens(
        _ entries: [(key: String, value: JSONValue)], of file: String,
        to definition: inout TokenizerDefinition, special: Set<[UInt8]>
    ) throws(TokenizerError) {
        var tokens: [(content: String, id: Int)] = []
        for (content, value) in entries {
            guard let id = value.integer else {
                throw .wrongField(
                    file: file, field: content.debugDescription, expected: "an identifier",
                    found: value.kind)
            }
            tokens.append((content, id))
        }
        for (content, id) in tokens.sorted(by: { $0.id < $1.id }) {
            guard id <= definition.tokens.count else {
                throw .wrongIdentifier(file: file, token: content, identifier: id)
            }
            if definition.isAdded(content, id) { continue }
            let isSpecial = special.contains(Array(content.utf8))
            try definition.add(
                .object([
                    ("content", .string(content)), ("special", .bool(isSpecial)),
                    ("normalized", .bool(!isSpecial)),
                ]), id: id, file: file)
        }
    }

    private static let roles = [
        ("pad_token", "padding"), ("unk_token", "unknown"), ("cls_token", "classify"),
        ("sep_token", "separator"), ("mask_token", "mask"), ("bos_token", "beginning-of-text"),
        ("eos_token", "end-of-text"),
    ]

    /// The special tokens that the files name, whatever for.
    private func specialTokens() throws(TokenizerError) -> [(role: String, name: String)] {
        var tokens: [(role: String, name: String)] = []
        for (field, role) in Self.roles {
            if let name = try token(field) { tokens.append((role, name)) }
        }
        for source in sources {
            for field in ["additional_special_tokens", "extra_special_tokens"] {
                for value in source.document[field]?.elements ?? [] {
                    guard let name = value.string ?? value["content"]?.string else {
                        throw wrong(field, "names of tokens", value)
                    }
                    tokens.append(("additional special", name))
                }
            }
        }
        return tokens.filter { !$0.name.isEmpty }
    }

    private func source(of name: String) -> Source? {
        sources.last { $0.document[name] != nil }
    }

    private subscript(_ name: String) -> JSONValue? { source(of: name)?.document[name] }

    private func bool(_ name: String) throws(TokenizerError) -> Bool? {
        guard let value = self[name], !value.isNull else { return nil }
        guard let bool = value.bool else { throw wrong(name, "true or false", value) }
        return bool
    }

    private func token(_ name: String) throws(TokenizerError) -> String? {
        guard let value = self[name], !value.isNull else { return nil }
        guard let content = value.string ?? value["content"]?.string else {
            throw wrong(name, "the name of a token", value)
        }
        return content
    }

    private func wrong(_ field: String, _ expected: String, _ found: JSONValue) -> TokenizerError {
        .wrongField(
            file: source(of: field)?.file ?? "", field: field, expected: expected,
            found: found.kind)
    }
}
