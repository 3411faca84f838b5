package import Tokenization

/// How tokens that name one thing are joined: Hugging Face's `aggregation_strategy`.
package enum AggregationStrategy: String, Sendable, CaseIterable {
    /// Every token by itself.
    case none
    /// Neighbouring tokens of one tag.
    case simple
    /// Words first, each with the label of its first token; then neighbouring words of one tag.
    case first
    /// The same, with the mean of the word's scores.
    case average
    /// The same, with the scores of the token that is surest.
    case max
}

/// A token, a word or several that a label was given to.
package struct Entity: Sendable, Equatable {
    /// The label; without `B-` and `I-` where tokens were joined.
    package let label: String
    /// The probability of its label.
    package let score: Float
    /// The token's row; nil where tokens were joined.
    package let index: Int?
    /// The token's name, or the text of those that were joined.
    package let word: String
    /// Where it stands in the text, in Unicode scalars.
    package let range: Range<Int>
}

/// From scores of tokens to entities, as Hugging Face's token-classification pipeline goes
/// (transformers 4.57), but for one thing: whether a token goes on with a word is read from its name,
/// not guessed from its length, which fails where normalisation changes the number of characters.
package struct EntityAggregation: Sendable {
    private let labels: [String]
    private let tokenizer: Tokenizer
    private let strategy: AggregationStrategy

    /// Entities of these labels, put together by `strategy`.
    package init(labels: [String], tokenizer: Tokenizer, strategy: AggregationStrategy) {
        self.labels = labels
        self.tokenizer = tokenizer
        self.strategy = strategy
    }

    private struct Part {
        var label: String
        var score: Double
        var scores: ArraySlice<Float>
        var index: Int
        var word: String
        var range: Range<Int>
        var continues: Bool
    }

    /// The entities of `text`, whose tokens have raw scores `logits` [T, labels], the ids `tokenIDs`
    /// [T] and the places `offsets` [T] (empty for special tokens, which are no entities), but for
    /// those with a label of `ignored`.
    package func entities(
        of text: String, logits: [Float], tokenIDs: [Int32], offsets: [Range<Int>],
        ignoring ignored: Set<String>
    ) -> [Entity] {
        let scalars = ScalarText(text)
        var parts: [Part] = []
        for row in tokenIDs.indices where !offsets[row].isEmpty {
            let scores = Probabilities.softmax(
                logits[row * labels.count..<(row + 1) * labels.count])
            let isUnknown = tokenIDs[row] == tokenizer.unknownID
            parts.append(
                Part(
                    label: "", score: 0, scores: scores[...], index: row,
                    word: isUnknown
                        ? scalars[offsets[row]] : tokenizer.token(tokenIDs[row]) ?? "",
                    range: offsets[row],
                    continues: !isUnknown && tokenizer.continuesWord(tokenIDs[row])))
        }
        let entities: [Entity]
        switch strategy {
        case .none:
            entities = parts.map(decided).map {
                Entity(
                    label: $0.label, score: Float($0.score), index: $0.index, word: $0.word,
                    range: $0.range)
            }
        case .simple: entities = grouped(parts.map(decided))
        case .first, .average, .max: entities = grouped(words(parts))
        }
        return entities.filter { !ignored.contains($0.label) }
    }

    /// The label with the best score.
    private func decided(_ part: Part) -> Part {
        var part = part
        guard let best = part.scores.indices.max(by: { part.scores[$0] < part.scores[$1] }) else {
            return part
        }
        let first = part.scores.firstIndex(of: part.scores[best]) ?? best
        part.label = labels[first - part.scores.startIndex]
        part.score = Double(part.scores[first])
        return part
    }

    private func words(_ parts: [Part]) -> [Part] {
        var words: [[Part]] = []
        for part in parts {
            if part.continues, !words.isEmpty {
                words[words.count - 1].append(part)
            } else {
                words.append([part])
            }
        }
        return words.map(word)
    }

    private func word(_ parts: [Part]) -> Part {
        var word = parts[0]
        switch strategy {
        case .max:
            var best: Float = -1
            for part in parts {
                let score = part.scores.max() ?? 0
                if score > best {
                    best = score
                    word.scores = part.scores
                }
            }
        case .average:
            word.scores = ArraySlice(
                labels.indices.map { label in
                    let sum = parts.reduce(0.0) {
                        $0 + Double($1.scores[$1.scores.startIndex + label])
                    }
                    return Float(sum / Double(parts.count))
                })
        case .none, .simple, .first: break
        }
        word.word = tokenizer.joined(parts.map(\.word))
        word.range = parts[0].range.lowerBound..<parts[parts.count - 1].range.upperBound
        return decided(word)
    }

    /// Neighbours of one tag become one entity; a label with `B-` starts a new one.
    private func grouped(_ parts: [Part]) -> [Entity] {
        var groups: [[Part]] = []
        for part in parts {
            if let last = groups.last?.last, !part.label.hasPrefix("B-"),
                tag(part.label) == tag(last.label)
            {
                groups[groups.count - 1].append(part)
            } else {
                groups.append([part])
            }
        }
        return groups.map { group in
            let label = group[0].label
            let name = label.firstIndex(of: "-").map { label[label.index(after: $0)...] }
            return Entity(
                label: name.map(String.init) ?? label,
                score: Float(group.reduce(0) { $0 + $1.score } / Double(group.count)), index: nil,
                word: tokenizer.joined(group.map(\.word)),
                range: group[0].range.lowerBound..<group[group.count - 1].range.upperBound)
        }
    }

    private func tag(_ label: String) -> Substring {
        label.hasPrefix("B-") || label.hasPrefix("I-") ? label.dropFirst(2) : label[...]
    }
}
