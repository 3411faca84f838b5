/// `tokenizer.json` of Hugging Face's `tokenizers`, where it describes a BERT WordPiece tokenizer;
/// any other component is refused by name.
struct TokenizerJSON {
    let document: JSONValue
    let file: String

    /// - Throws: `unsupported`, `wrongField`, `wrongIdentifier`, `duplicateToken`.
    func definition() throws(TokenizerError) -> TokenizerDefinition {
        var definition = TokenizerDefinition(file: file)
        try readModel(into: &definition)
        try readNormalizer(into: &definition)
        try require("pre_tokenizer", document["pre_tokenizer"], type: "BertPreTokenizer")
        try readAddedTokens(into: &definition)
        try readPostProcessor(into: &definition)
        try readDecoder(into: &definition)
        try readPadding(into: &definition)
        return definition
    }

    private func readModel(into definition: inout TokenizerDefinition) throws(TokenizerError) {
        guard let model = document["model"] else {
            throw unsupported("model", document["model"])
        }
        if model["type"] != nil { try require("model", model, type: "WordPiece") }
        guard case .object(let entries) = model["vocab"] else {
            throw wrong("model.vocab", "an object", model["vocab"])
        }
        if let value = model["unk_token"] {
            definition.unknownToken = try string("model.unk_token", value)
        }
        if let value = model["continuing_subword_prefix"] {
            definition.continuationPrefix = try string("model.continuing_subword_prefix", value)
        }
        if let value = model["max_input_chars_per_word"] {
            guard let limit = value.integer, (1...65536).contains(limit) else {
                throw wrong(
                    "model.max_input_chars_per_word", "a number from 1 to 65536", value)
            }
            definition.maximumWordLength = limit
        }
        definition.identifierLimit = entries.count + (1 << 16)
        definition.tokens.reserveCapacity(entries.count)
        for (token, value) in entries {
            guard let id = value.integer else { throw wrong("model.vocab", "numbers", value) }
            try definition.place(token, id, file: file)
        }
        definition.modelVocabularySize = definition.tokens.count
    }

    private func readNormalizer(into definition: inout TokenizerDefinition) throws(TokenizerError) {
        let normalizer = document["normalizer"]
        try require("normalizer", normalizer, type: "BertNormalizer")
        definition.flags.cleanText = try bool("normalizer.clean_text", normalizer?["clean_text"])
        definition.flags.handleChineseCharacters = try bool(
            "normalizer.handle_chinese_chars", normalizer?["handle_chinese_chars"])
        definition.flags.lowercase = try bool("normalizer.lowercase", normalizer?["lowercase"])
        if let value = normalizer?["strip_accents"], !value.isNull {
            definition.flags.stripAccents = try bool("normalizer.strip_accents", value)
        }
    }

    private func readAddedTokens(
        into definition: inout TokenizerDefinition
    ) throws(TokenizerError) {
        guard let value = document["added_tokens"], !value.isNull else { return }
        guard let entries = value.array else { throw wrong("added_tokens", "an array", value) }
        for entry in entries {
            guard let id = entry["id"]?.integer else {
                throw wrong("added_tokens.id", "a number", entry["id"])
            }
            try definition.add(entry, id: id, file: file)
        }
    }

    /// `[CLS] A [SEP]` and `[CLS] A [SEP] B:1 [SEP]:1`, under whatever names.
    private func readPostProcessor(
        into definition: inout TokenizerDefinition
    ) throws(TokenizerError) {
        let processor = document["post_processor"]
        if processor?["type"]?.string == "BertProcessing" {
            func token(_ name: String) throws(TokenizerError) -> String {
                let (field, pair) = ("post_processor.\(name)", processor?[name]?.array)
                let token = try string(field, pair?.first)
                try requireIdentifier(of: token, pair?.dropFirst(), field, definition)
                return token
            }
            definition.classifyToken = try token("cls")
            definition.separatorToken = try token("sep")
            return
        }
        try require("post_processor", processor, type: "TemplateProcessing")
        let single = pieces(processor?["single"])
        let pair = pieces(processor?["pair"])
        guard single.count == 3, case .special(let classify, 0) = single[0],
            case .special(let separator, 0) = single[2],
            single == [.special(classify, 0), .sequence("A", 0), .special(separator, 0)],
            pair == single + [.sequence("B", 1), .special(separator, 1)]
        else { throw unsupported("post_processor", .string("a template of another form")) }
        for token in [classify, separator] {
            try requireIdentifier(
                of: token, processor?["special_tokens"]?[token]?["ids"]?.array?[...],
                "post_processor.special_tokens.\(token).ids", definition)
        }
        definition.classifyToken = classify
        definition.separatorToken = separator
    }

    /// The post-processor's own identifiers are the ones that Hugging Face adds to a text: they must be
    /// the one that the vocabulary has for the token.
    private func requireIdentifier(
        of token: String, _ ids: ArraySlice<JSONValue>?, _ field: String,
        _ definition: TokenizerDefinition
    ) throws(TokenizerError) {
        // That a token is missing is found for all that a text needs, later.
        guard let id = definition.identifier(of: token) else { return }
        guard let ids, ids.count == 1, ids.first?.integer == id else {
            throw wrong(field, "\(id), its identifier in the vocabulary", ids?.first)
        }
    }

    private enum Piece: Equatable {
        case special(String, Int)
        case sequence(String, Int)
        case other
    }

    private func pieces(_ template: JSONValue?) -> [Piece] {
        (template?.array ?? []).map { entry in
            if let token = entry["SpecialToken"], let name = token["id"]?.string {
                .special(name, token["type_id"]?.integer ?? -1)
            } else if let sequence = entry["Sequence"], let name = sequence["id"]?.string {
                .sequence(name, sequence["type_id"]?.integer ?? -1)
            } else {
                .other
            }
        }
    }

    private func readDecoder(into definition: inout TokenizerDefinition) throws(TokenizerError) {
        guard let decoder = document["decoder"], !decoder.isNull else { return }
        try require("decoder", decoder, type: "WordPiece")
        guard try string("decoder.prefix", decoder["prefix"]) == definition.continuationPrefix
        else { throw unsupported("decoder.prefix", decoder["prefix"]) }
        definition.decoderCleanUp = try bool("decoder.cleanup", decoder["cleanup"])
    }

    private func readPadding(into definition: inout TokenizerDefinition) throws(TokenizerError) {
        guard let padding = document["padding"], !padding.isNull else { return }
        if let name = padding["pad_token"] {
            definition.padToken = try string("padding.pad_token", name)
        }
        guard let fixed = padding["strategy"]?["Fixed"] else { return }
        guard let length = fixed.integer, (1..<1 << 24).contains(length) else {
            throw wrong("padding.strategy.Fixed", "a length", fixed)
        }
        guard padding["direction"]?.string ?? "Right" == "Right" else {
            throw unsupported("padding.direction", padding["direction"])
        }
        definition.fixedPaddingLength = length
    }

    private func require(
        _ component: String, _ value: JSONValue?, type: String
    ) throws(TokenizerError) {
        guard value?["type"]?.string == type else { throw unsupported(component, value) }
    }

    private func unsupported(_ component: String, _ value: JSONValue?) -> TokenizerError {
        .unsupported(
            file: file, component: component,
            found: value?["type"]?.string ?? value?.string ?? value?.kind ?? "missing")
    }

    private func string(_ field: String, _ value: JSONValue?) throws(TokenizerError) -> String {
        guard let string = value?.string else { throw wrong(field, "a string", value) }
        return string
    }

    private func bool(_ field: String, _ value: JSONValue?) throws(TokenizerError) -> Bool {
        guard let bool = value?.bool else { throw wrong(field, "true or false", value) }
        return bool
    }

    private func wrong(
        _ field: String, _ expected: String, _ found: JSONValue?
    ) -> TokenizerError {
        .wrongField(file: file, field: field, expected: expected, found: found?.kind ?? "nothing")
    }
}
