import BiGSModel
import Tokenization

/// A text, or a window of one, as the model will see it.
struct PreparedText: Sendable {
    var sequence: TokenSequence
    /// Tokens of this window; for a text that was cut, those of the whole and those that are left.
    var usage: TokenUsage
    /// Where each token stands in the input, in Unicode scalars; `0..<0` for those that are not of it.
    var offsets: [Range<Int>]
    /// The rows whose states are this window's to give; all but padding where there is one window.
    var owned: Range<Int>
    /// How many rows at its beginning pooling leaves out: [CLS] and the prompt, where the model says so.
    var unpooled = 0
    /// The index of the input that it is, or is a window of.
    var input = 0
}

/// An input as the model will see it.
struct PreparedInput: Sendable {
    /// One, unless the text is longer than the model's window and is read in several.
    var windows: [PreparedText]
    /// Of the whole input.
    var usage: TokenUsage
}

/// Texts to tokens, under a model's window and padding and a caller's rules. Pure.
struct TextPreparation: Sendable {
    let loaded: LoadedModel
    let rules: EncodingRules
    /// Put before every single text.
    let prompt: String?
    /// How many tokens pooling leaves out where the prompt is whole: [CLS] and the prompt's own; 0 where
    /// it takes them all.
    var unpooled = 0

    /// Tokens and usage of every input; throws for the first that cannot be encoded, and between two
    /// where `isCancelled` says that nobody waits any more.
    func prepare(
        _ inputs: [EncodingInput], isCancelled: () -> Bool = { false }
    ) throws(ServiceError) -> [PreparedInput] {
        var prepared: [PreparedInput] = []
        prepared.reserveCapacity(inputs.count)
        var shared = 0
        // The query of all pairs, or the text of all hypotheses.
        var before: (text: String, pieces: TextPieces)?
        for (index, input) in inputs.enumerated() {
            if isCancelled() { throw .cancelled }
            var input =
                switch input {
                case .text(let text): try prepare(text, input: index)
                case .pair(let first, let second):
                    try prepare(pair: first, second, after: &before, input: index)
                case .tokens(let ids): try prepare(ids, input: index)
                }
            if input.windows.count > 1 {
                shared +=
                    input.windows.reduce(0) { $0 + $1.usage.tokensUsed } - input.usage.tokensUsed
                try TextWindows.checkShared(shared, field: "window_overlap")
            }
            for window in input.windows.indices {
                let text = input.windows[window]
                input.windows[window].sequence = masked(padded(text.sequence), text.unpooled)
                input.windows[window].input = index
            }
            prepared.append(input)
        }
        return prepared
    }

    private func prepare(_ text: String, input: Int) throws(ServiceError) -> PreparedInput {
        let isCut = rules.windows == nil
        let options = options(limit: isCut ? loaded.window : nil)
        let pieces = loaded.tokenizer.pieces(of: (prompt ?? "") + text, options: options)
        let encoding = try encode(pieces, pair: nil, options, input: input)
        let offsets = prompt.map { shifted(encoding.offsets, by: $0.unicodeScalars.count) }
        if let windows = rules.windows, encoding.ids.count > loaded.window {
            return try split(
                encoding, offsets ?? encoding.offsets, windows, input: input)
        }
        var input = whole(encoding, offsets ?? encoding.offsets, typeIDs: nil)
        input.windows[0].unpooled = Self.unpooled(
            unpooled, of: input.usage, side: rules.truncationSide)
        return input
    }

    /// How many rows of a text that was read in one pass pooling leaves out, of `unpooled` where the
    /// prompt is whole. Of a prompt that was cut at the left it is as much as is there; [SEP] stays.
    static func unpooled(_ unpooled: Int, of usage: TokenUsage, side: TruncationSide) -> Int {
        guard unpooled > 0 else { return 0 }
        let cut = usage.tokens - usage.tokensUsed
        return min(side == .left ? max(1, unpooled - cut) : unpooled, usage.tokensUsed - 1)
    }

    private func prepare(
        pair first: String, _ second: String,
        after before: inout (text: String, pieces: TextPieces)?, input: Int
    ) throws(ServiceError) -> PreparedInput {
        let options = options(limit: loaded.window)
        let pieces =
            if let before, Self.areSame(before.text, first) { before.pieces } else {
                loaded.tokenizer.pieces(of: first, options: options)
            }
        before = (first, pieces)
        let encoding = try encode(pieces, pair: second, options, input: input)
        if encoding.isTruncated, rules.windows != nil {
            throw .unfit(
                input: input, field: "long",
                reason: "is a pair of \(encoding.tokensBeforeTruncation) tokens, which cannot be "
                    + "read in windows")
        }
        return whole(encoding, encoding.offsets, typeIDs: encoding.typeIDs)
    }

    /// Byte for byte: strings of Swift are equal in every normal form.
    private static func areSame(_ a: String, _ b: String) -> Bool {
        var (a, b) = (a, b)
        return a.withUTF8 { a in
            b.withUTF8 { b in
                a.count == b.count
                    && (a.baseAddress == b.baseAddress || a.elementsEqual(b))
            }
        }
    }

    private func options(limit: Int?) -> EncodingOptions {
        EncodingOptions(
            maximumLength: limit, truncation: .longestFirst,
            truncationSide: rules.truncationSide)
    }

    private func encode(
        _ text: TextPieces, pair: String?, _ options: EncodingOptions, input: Int
    ) throws(ServiceError) -> Encoding {
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
        return encoding
    }

    private func whole(
        _ encoding: Encoding, _ offsets: [Range<Int>], typeIDs: [Int32]?
    ) -> PreparedInput {
        let usage = TokenUsage(
            tokens: encoding.tokensBeforeTruncation, tokensUsed: encoding.ids.count)
        return PreparedInput(
            windows: [
                PreparedText(
                    sequence: TokenSequence(ids: encoding.ids, typeIDs: typeIDs), usage: usage,
                    offsets: offsets, owned: encoding.ids.indices)
            ], usage: usage)
    }

    /// Places in the prompt and the text as places in the text; tokens of the prompt have none.
    private func shifted(_ offsets: [Range<Int>], by prompt: Int) -> [Range<Int>] {
        offsets.map { range in
            range.upperBound <= prompt
                ? 0..<0 : max(range.lowerBound - prompt, 0)..<range.upperBound - prompt
        }
    }

    /// [CLS], the prompt and [SEP] stand around every window of the text's own tokens.
    private func split(
        _ encoding: Encoding, _ offsets: [Range<Int>], _ windows: TextWindows, input: Int
    ) throws(ServiceError) -> PreparedInput {
        let first = offsets.firstIndex { !$0.isEmpty } ?? 1
        let text = first..<encoding.ids.count - 1
        let ranges = try ranges(
            count: text.count, room: loaded.window - first - 1, windows, input: input)
        let owned = TextWindows.owned(ranges)
        var prepared: [PreparedText] = []
        for (index, range) in ranges.enumerated() {
            let rows = range.lowerBound + first..<range.upperBound + first
            let ids = encoding.ids[..<first] + encoding.ids[rows] + [encoding.ids[text.upperBound]]
            let own = owned[index]
            // The first window has the tokens before the text, the last one that after it.
            let start = index == 0 ? 0 : own.lowerBound - range.lowerBound + first
            let end =
                own.upperBound - range.lowerBound + first + (index == ranges.count - 1 ? 1 : 0)
            prepared.append(
                PreparedText(
                    sequence: TokenSequence(ids: Array(ids)),
                    usage: TokenUsage(tokens: ids.count, tokensUsed: ids.count),
                    offsets: Array(repeating: 0..<0, count: first) + offsets[rows] + [0..<0],
                    owned: start..<end, unpooled: min(unpooled, first)))
        }
        let count = encoding.tokensBeforeTruncation
        return PreparedInput(
            windows: prepared, usage: TokenUsage(tokens: count, tokensUsed: count))
    }

    private func ranges(
        count: Int, room: Int, _ windows: TextWindows, input: Int
    ) throws(ServiceError) -> [Range<Int>] {
        guard room > 0 else {
            throw .unsupported(
                field: "prompt_name", reason: "the prompt leaves no room in the model's window")
        }
        let overlap = windows.overlap(size: room)
        guard (0..<room).contains(overlap) else {
            throw .unsupported(
                field: "window_overlap",
                reason: "expected 0 or more and less than \(room) tokens, got \(overlap)"
            )
        }
        return try TextWindows.ranges(
            count: count, size: room, overlap: overlap, field: "window_overlap", input: input)
    }

    private func prepare(_ ids: [Int32], input: Int) throws(ServiceError) -> PreparedInput {
        if ids.isEmpty { throw .emptyInput(input: input) }
        let size = loaded.configuration.vocabularySize
        if let position = ids.firstIndex(where: { $0 < 0 || Int($0) >= size }) {
            throw .unknownToken(
                input: input, position: position, id: Int(ids[position]), vocabularySize: size)
        }
        func text(_ ids: ArraySlice<Int32>, of tokens: Int, owned: Range<Int>) -> PreparedText {
            PreparedText(
                sequence: TokenSequence(ids: Array(ids)),
                usage: TokenUsage(tokens: tokens, tokensUsed: ids.count),
                offsets: Array(repeating: 0..<0, count: ids.count), owned: owned)
        }
        if ids.count > loaded.window, let windows = rules.windows {
            let ranges = try ranges(count: ids.count, room: loaded.window, windows, input: input)
            let prepared = zip(ranges, TextWindows.owned(ranges)).map { range, owned in
                text(
                    ids[range], of: range.count,
                    owned: owned.lowerBound - range.lowerBound..<owned.upperBound - range.lowerBound
                )
            }
            return PreparedInput(
                windows: prepared, usage: TokenUsage(tokens: ids.count, tokensUsed: ids.count))
        }
        if ids.count > loaded.window, !rules.truncate {
            throw .textTooLong(input: input, tokens: ids.count, limit: loaded.window)
        }
        let used =
            rules.truncationSide == .right ? ids.prefix(loaded.window) : ids.suffix(loaded.window)
        let prepared = text(used, of: ids.count, owned: 0..<used.count)
        return PreparedInput(windows: [prepared], usage: prepared.usage)
    }

    /// Marks the first `rows` tokens as those that pooling leaves out; the encoder itself has no mask.
    private func masked(_ sequence: TokenSequence, _ rows: Int) -> TokenSequence {
        guard rows > 0 else { return sequence }
        let mask = sequence.attentionMask ?? Array(repeating: 1, count: sequence.ids.count)
        return TokenSequence(
            ids: sequence.ids, typeIDs: sequence.typeIDs,
            attentionMask: Array(repeating: 0, count: rows) + mask.dropFirst(rows))
    }

    /// The encoder has no mask, so padding changes its numbers: it is added only where the model's
    /// contract says so, and then always to the same length.
    func padded(_ sequence: TokenSequence) -> TokenSequence {
        let count = sequence.ids.count
        guard loaded.padding == .maxLength, count <= loaded.paddedLength else { return sequence }
        let padding = loaded.paddedLength - count
        let padID = Int32(loaded.configuration.padTokenID)
        return TokenSequence(
            ids: sequence.ids + Array(repeating: padID, count: padding),
            typeIDs: sequence.typeIDs.map { $0 + Array(repeating: 0, count: padding) },
            attentionMask: Array(repeating: 1, count: count)
                + Array(repeating: 0, count: padding))
    }
}
