/// The switches of BERT's normaliser, as Hugging Face's `BertNormalizer` has them.
struct NormalizerFlags: Equatable, Sendable {
    /// Control characters are deleted, white space becomes U+0020.
    var cleanText = true
    /// Each CJK ideograph becomes a word of its own.
    var handleChineseCharacters = true
    /// Nonspacing marks are deleted after NFD; nil means "if and only if lower case is made".
    var stripAccents: Bool?
    /// Scalars are mapped to lower case one by one.
    var lowercase = true

    var stripsAccents: Bool { stripAccents ?? lowercase }
}

/// A token that is found in the text literally, before anything else happens to the text.
struct AddedToken: Equatable, Sendable {
    var id: Int32
    var content: String
    var isSpecial: Bool
}

/// Everything that a tokenizer's files say.
struct TokenizerDefinition: Sendable {
    /// The file that the vocabulary was read from, for messages.
    var file: String
    /// Tokens by identifier; nil where an identifier is not used.
    var tokens: [String?] = []
    /// Tokens that the WordPiece model itself knows: identifiers below this that are not nil. Those
    /// above were added and are only found literally.
    var modelVocabularySize = 0
    private(set) var addedTokens: [AddedToken] = []
    private var addedIdentifiers: Set<Int32> = []
    var flags = NormalizerFlags()
    var continuationPrefix = "##"
    /// Words of more scalars than this become the unknown token.
    var maximumWordLength = 100
    var unknownToken = "[UNK]"
    var classifyToken = "[CLS]"
    var separatorToken = "[SEP]"
    var padToken = "[PAD]"
    var maskToken = "[MASK]"
    /// Whether the decoder removes the spaces before punctuation marks token by token.
    var decoderCleanUp = true
    /// Whether it then does so in the whole text.
    var cleanUpTokenizationSpaces = true
    var modelMaxLength: Int?
    var fixedPaddingLength: Int?

    init(file: String) { self.file = file }

    /// Identifiers from here on are refused: nothing is allocated on a file's word alone.
    var identifierLimit = 1 << 16
}

extension TokenizerDefinition {
    /// The identifier of a token, compared byte by byte; nil if there is none.
    func identifier(of token: String) -> Int? {
        tokens.firstIndex { $0?.utf8.elementsEqual(token.utf8) ?? false }
    }

    /// Enters a token under an identifier that is still free.
    ///
    /// - Throws: `wrongIdentifier`.
    mutating func place(_ token: String, _ id: Int, file: String) throws(TokenizerError) {
        guard (0..<identifierLimit).contains(id), id >= tokens.count || tokens[id] == nil else {
            throw .wrongIdentifier(file: file, token: token, identifier: id)
        }
        while tokens.count <= id { tokens.append(nil) }
        tokens[id] = token
    }

    /// Enters an added token as `tokenizers` writes it: `content`, `special` and four flags that
    /// change how it is found, none of which a BERT tokenizer sets.
    ///
    /// - Throws: `unsupported`, `wrongField`, `wrongIdentifier`.
    mutating func add(_ entry: JSONValue, id: Int, file: String) throws(TokenizerError) {
        guard let content = entry["content"]?.string else {
            throw .wrongField(
                file: file, field: "content of added token \(id)", expected: "a string",
                found: entry["content"]?.kind ?? "nothing")
        }
        for flag in ["single_word", "lstrip", "rstrip", "normalized"]
        where entry[flag]?.bool == true {
            throw .unsupported(
                file: file, component: "added token \(content.debugDescription)",
                found: "\(flag): true")
        }
        if tokens.indices.contains(id), let known = tokens[id] {
            guard known.utf8.elementsEqual(content.utf8) else {
                throw .wrongIdentifier(file: file, token: content, identifier: id)
            }
        } else {
            try place(content, id, file: file)
        }
        add(AddedToken(id: Int32(id), content: content, isSpecial: entry["special"]?.bool ?? false))
    }

    /// Whether this is the added token of this identifier.
    func isAdded(_ content: String, _ id: Int) -> Bool {
        tokens.indices.contains(id) && addedIdentifiers.contains(Int32(id))
            && tokens[id]?.utf8.elementsEqual(content.utf8) ?? false
    }

    /// Enters an added token, unless its identifier already is one's or there is nothing to find.
    mutating func add(_ token: AddedToken) {
        guard !token.content.isEmpty, addedIdentifiers.insert(token.id).inserted else { return }
        addedTokens.append(token)
    }
}
