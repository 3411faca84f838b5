import BiGSModel
import Tokenization

/// Texts to tokens, under a model's window and padding and a caller's rules. Pure.
struct TextPreparation: Sendable {
    let loaded: LoadedModel
    let rules: EncodingRules

    /// Tokens and usage of every input; throws for the first that cannot be encoded.
    func prepare(
        _ inputs: [EncodingInput]
    ) throws(ServiceError) -> [EncodingService.PreparedText] {
        var texts: [EncodingService.PreparedText] = []
        texts.reserveCapacity(inputs.count)
        for (index, input) in inputs.enumerated() {
            let text =
                switch input {
                case .text(let text): try prepare(text, pair: nil, input: index)
                case .pair(let first, let second): try prepare(first, pair: second, input: index)
                case .tokens(let ids): try prepare(ids, input: index)
                }
            texts.append(padded(text))
        }
        return texts
    }

    private func prepare(
        _ text: String, pair: String?, input: Int
    ) throws(ServiceError) -> EncodingService.PreparedText {
        let options = EncodingOptions(
            maximumLength: loaded.window, truncation: .longestFirst,
            truncationSide: rules.truncationSide)
        let encoding: Encoding
        do {
            encoding = try loaded.tokenizer.encode(text, pair: pair, options: options)
        } catch {
            throw .tokenizer(input: input, error)
        }
        if encoding.isTruncated, !rules.truncate {
            throw .textTooLong(
                input: input, tokens: encoding.tokensBeforeTruncation, limit: loaded.window)
        }
        return EncodingService.PreparedText(
            sequence: TokenSequence(
                ids: encoding.ids, typeIDs: pair == nil ? nil : encoding.typeIDs),
            usage: TokenUsage(
                tokens: encoding.tokensBeforeTruncation, tokensUsed: encoding.ids.count),
            offsets: pair == nil ? encoding.offsets : [])
    }

    private func prepare(
        _ ids: [Int32], input: Int
    ) throws(ServiceError) -> EncodingService.PreparedText {
        if ids.isEmpty { throw .emptyInput(input: input) }
        let size = loaded.configuration.vocabularySize
        if let position = ids.firstIndex(where: { $0 < 0 || Int($0) >= size }) {
            throw .unknownToken(
                input: input, position: position, id: Int(ids[position]), vocabularySize: size)
        }
        if ids.count > loaded.window, !rules.truncate {
            throw .textTooLong(input: input, tokens: ids.count, limit: loaded.window)
        }
        let used =
            rules.truncationSide == .right ? ids.prefix(loaded.window) : ids.suffix(loaded.window)
        return EncodingService.PreparedText(
            sequence: TokenSequence(ids: Array(used)),
            usage: TokenUsage(tokens: ids.count, tokensUsed: used.count))
    }

    /// The encoder has no mask, so padding changes its numbers: it is added only where the model's
    /// contract says so, and then always to the same length.
    private func padded(_ text: EncodingService.PreparedText) -> EncodingService.PreparedText {
        let count = text.sequence.ids.count
        guard loaded.padding == .maxLength, count <= loaded.paddedLength else { return text }
        let padding = loaded.paddedLength - count
        let padID = Int32(loaded.configuration.padTokenID)
        return EncodingService.PreparedText(
            sequence: TokenSequence(
                ids: text.sequence.ids + Array(repeating: padID, count: padding),
                typeIDs: text.sequence.typeIDs.map { $0 + Array(repeating: 0, count: padding) },
                attentionMask: Array(repeating: 1, count: count)
                    + Array(repeating: 0, count: padding)),
            usage: text.usage, offsets: text.offsets)
    }
}
