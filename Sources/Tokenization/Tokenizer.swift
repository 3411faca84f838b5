package import Foundation

/// A BERT WordPiece tokenizer, equal to Hugging Face's fast one id for id and offset for offset.
///
/// A value without state: any number of threads may use it at once.
package struct Tokenizer: Sendable {
    let definition: TokenizerDefinition
    let vocabulary: Vocabulary
    let scanner: TextScanner
    private let specialIdentifiers: Set<Int32>

    /// The identifier of the padding token.
    package let padID: Int32
    /// The identifier of the token that stands for words outside the vocabulary.
    package let unknownID: Int32
    /// The identifier of the token that every encoding starts with.
    package let classifyID: Int32
    /// The identifier of the token that ends each text.
    package let separatorID: Int32
    /// The identifier of the token that masks a word; nil if the vocabulary has none.
    package let maskID: Int32?

    /// Reads a model's directory: `tokenizer.json` if it is there, else `vocab.txt`; either with
    /// `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json`, if those are there.
    /// The switches that `tokenizer_config.json` names overrule `tokenizer.json`, as in Hugging Face's
    /// `BertTokenizerFast`.
    ///
    /// - Throws: one of the errors of `TokenizerError` that name a file.
    package init(directory: URL) throws(TokenizerError) {
        try self.init(TokenizerFiles.definition(in: directory))
    }

    init(_ definition: TokenizerDefinition) throws(TokenizerError) {
        let vocabulary = try Vocabulary(definition)
        func required(_ role: String, _ token: String) throws(TokenizerError) -> Int32 {
            guard let id = vocabulary.identifier(of: token) else {
                throw .specialTokenMissing(file: definition.file, role: role, token: token)
            }
            return id
        }
        padID = try required("padding", definition.padToken)
        unknownID = try required("unknown", definition.unknownToken)
        classifyID = try required("classify", definition.classifyToken)
        separatorID = try required("separator", definition.separatorToken)
        maskID = vocabulary.identifier(of: definition.maskToken)
        specialIdentifiers = Set(definition.addedTokens.lazy.filter(\.isSpecial).map(\.id))
        scanner = TextScanner(
            model: WordPiece(
                vocabulary: vocabulary, unknown: unknownID,
                maximumWordLength: definition.maximumWordLength),
            flags: definition.flags, added: AddedTokenMatcher(definition.addedTokens))
        self.definition = definition
        self.vocabulary = vocabulary
    }

    /// One more than the highest identifier.
    package var vocabularySize: Int { vocabulary.tokens.count }

    /// The longest encoding that the tokenizer's files allow; nil if they set no limit.
    package var modelMaxLength: Int? { definition.modelMaxLength }

    /// The length that `tokenizer.json` pads every encoding to, if it does.
    package var fixedPaddingLength: Int? { definition.fixedPaddingLength }

    /// The token of an identifier; nil if there is none.
    package func token(_ id: Int32) -> String? {
        vocabulary.tokens.indices.contains(Int(id)) ? vocabulary.tokens[Int(id)] : nil
    }

    /// The identifier of a token; nil if it is not in the vocabulary.
    package func id(of token: String) -> Int32? { vocabulary.identifier(of: token) }

    /// Whether the token is one of those that `decode` leaves out on request.
    package func isSpecial(_ id: Int32) -> Bool { specialIdentifiers.contains(id) }

    /// Canonical bytes of everything that decides which ids a text gets: for cache keys. The same
    /// tokenizer has the same bytes whichever files it was read from.
    package var fingerprintData: [UInt8] {
        var bytes = Array("bigs wordpiece 1\0".utf8)
        func append(_ number: Int) {
            for shift in stride(from: 0, to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: number >> shift))
            }
        }
        func append(_ text: String) {
            append(text.utf8.count)
            bytes += text.utf8
        }
        let flags = definition.flags
        for flag in [
            flags.cleanText, flags.handleChineseCharacters, flags.stripsAccents, flags.lowercase,
        ] { bytes.append(flag ? 1 : 0) }
        append(definition.continuationPrefix)
        append(definition.maximumWordLength)
        for id in [padID, unknownID, classifyID, separatorID] { append(Int(id)) }
        for token in definition.addedTokens.sorted(by: { $0.id < $1.id }) {
            append(Int(token.id))
            append(token.content)
        }
        append(definition.modelVocabularySize)
        for token in vocabulary.tokens {
            append(token == nil ? -1 : 0)
            append(token ?? "")
        }
        return bytes
    }
}
