/// The tokens of a text before anything is cut or added: one that many pairs begin with is read once.
package struct TextPieces: Sendable {
    let sink: PieceSink
}

extension Tokenizer {
    /// The tokens of a text that is to be encoded with these options, alone or as the first of a pair.
    package func pieces(of text: String, options: EncodingOptions = .init()) -> TextPieces {
        // Cut on the right, no text keeps more than there is room for; on the left it is the end
        // of the text that stays, so that all of it is needed.
        let isCutRight = options.truncationSide == .right && options.truncation != .none
        let capacity = isCutRight ? max(options.maximumLength ?? .max, 0) : .max
        var text = text
        return text.withUTF8 { bytes in
            var sink = PieceSink(capacity: capacity, expected: bytes.count / 4 + 8)
            scanner.scan(bytes, into: &sink)
            return TextPieces(sink: sink)
        }
    }

    /// Turns a text, or a pair of texts, into token ids.
    ///
    /// An empty `pair` is no pair, as in Hugging Face's `BertTokenizerFast`.
    ///
    /// - Throws: `sequenceTooShort`, `secondSequenceMissing`, `limitTooSmall`.
    package func encode(
        _ text: String, pair: String? = nil, options: EncodingOptions = .init()
    ) throws(TokenizerError) -> Encoding {
        try encode(pieces(of: text, options: options), pair: pair, options: options)
    }

    /// The same for a text whose tokens are known, by these options.
    package func encode(
        _ text: TextPieces, pair: String? = nil, options: EncodingOptions = .init()
    ) throws(TokenizerError) -> Encoding {
        let pair = pair?.utf8.isEmpty == true ? nil : pair
        let specialTokens = options.addSpecialTokens ? (pair == nil ? 2 : 3) : 0
        var room: Int?
        if let limit = options.maximumLength, options.truncation != .none {
            guard limit >= specialTokens else {
                throw .limitTooSmall(limit: limit, specialTokens: specialTokens)
            }
            room = limit - specialTokens
        }
        let first = text.sink
        let second = pair.map { pieces(of: $0, options: options).sink }
        let kept: (first: Int, second: Int)
        if let room {
            kept = try Truncation.lengths(
                first: first.count, second: second?.count, room: room,
                strategy: options.truncation)
        } else {
            kept = (first.count, second?.count ?? 0)
        }
        let total = first.count + (second?.count ?? 0) + specialTokens
        var builder = EncodingBuilder(
            capacity: max(kept.first + kept.second + specialTokens, options.padTo ?? 0))
        if options.addSpecialTokens { builder.appendSpecial(classifyID, type: 0) }
        builder.append(first, keeping: kept.first, from: options.truncationSide, type: 0)
        if options.addSpecialTokens { builder.appendSpecial(separatorID, type: 0) }
        if let second {
            builder.append(second, keeping: kept.second, from: options.truncationSide, type: 1)
            if options.addSpecialTokens { builder.appendSpecial(separatorID, type: 1) }
        }
        builder.pad(to: options.padTo ?? 0, with: padID)
        return builder.encoding(
            tokensBeforeTruncation: total,
            isTruncated: kept.first + kept.second + specialTokens < total)
    }
}

/// Puts an encoding together.
private struct EncodingBuilder {
    private var result = Encoding(
        ids: [], typeIDs: [], attentionMask: [], offsets: [], specialTokensMask: [],
        tokensBeforeTruncation: 0, isTruncated: false)

    init(capacity: Int) {
        result.ids.reserveCapacity(capacity)
        result.typeIDs.reserveCapacity(capacity)
        result.attentionMask.reserveCapacity(capacity)
        result.offsets.reserveCapacity(capacity)
        result.specialTokensMask.reserveCapacity(capacity)
    }

    mutating func appendSpecial(_ id: Int32, type: Int32) {
        result.ids.append(id)
        result.typeIDs.append(type)
        result.attentionMask.append(1)
        result.offsets.append(0..<0)
        result.specialTokensMask.append(1)
    }

    mutating func append(
        _ pieces: PieceSink, keeping count: Int, from side: TruncationSide, type: Int32
    ) {
        let range =
            side == .right ? 0..<count : pieces.ids.count - count..<pieces.ids.count
        result.ids += pieces.ids[range]
        result.offsets += pieces.offsets[range]
        result.typeIDs += repeatElement(type, count: count)
        result.attentionMask += repeatElement(1, count: count)
        result.specialTokensMask += repeatElement(0, count: count)
    }

    mutating func pad(to length: Int, with id: Int32) {
        let missing = length - result.ids.count
        guard missing > 0 else { return }
        result.ids += repeatElement(id, count: missing)
        result.offsets += repeatElement(0..<0, count: missing)
        result.typeIDs += repeatElement(0, count: missing)
        result.attentionMask += repeatElement(0, count: missing)
        result.specialTokensMask += repeatElement(1, count: missing)
    }

    func encoding(tokensBeforeTruncation: Int, isTruncated: Bool) -> Encoding {
        var encoding = result
        encoding.tokensBeforeTruncation = tokensBeforeTruncation
        encoding.isTruncated = isTruncated
        return encoding
    }
}
