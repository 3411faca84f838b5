import Foundation
import Tokenization

/// An answer that was found in a context.
package struct AnswerSpan: Sendable, Equatable {
    /// The probability of the span; of a span that several windows found, their sum.
    package var score: Float
    /// Where it stands in the context, in Unicode scalars.
    package let range: Range<Int>
    /// The words of the context there.
    package let text: String
}

/// What a question-answering head said about one window of a context.
package struct AnswerWindow: Sendable {
    /// A start score and an end score for each token, [L].
    package let start: [Float]
    /// The score of each token as an answer's last.
    package let end: [Float]
    /// The rows of the context's tokens.
    package let context: Range<Int>
    /// Where the context's tokens stand in it, in Unicode scalars, [L].
    package let offsets: [Range<Int>]
    /// Whether a token goes on with the word of the one before, [L].
    package let continues: [Bool]

    /// Scores of the tokens of one window, as long as `offsets`.
    package init(
        start: [Float], end: [Float], context: Range<Int>, offsets: [Range<Int>], continues: [Bool]
    ) {
        self.start = start
        self.end = end
        self.context = context
        self.offsets = offsets
        self.continues = continues
    }
}

/// From scores to answers, as Hugging Face's question-answering pipeline goes (transformers 4.57).
package struct AnswerSelection: Sendable, Equatable {
    /// The most answers.
    package var top = 1
    /// The most tokens of an answer.
    package var maximumLength = 15
    /// Whether "there is no answer" is among the answers, as an empty one.
    package var allowsNone = false
    /// Whether an answer is widened to whole words.
    package var alignsToWords = true

    /// The usual bounds.
    package init() {}

    private struct Candidate {
        let start: Int
        let end: Int
        let score: Double
    }

    /// The best answers of all windows over `context`, best first.
    package func answers(in windows: [AnswerWindow], context: String) -> [AnswerSpan] {
        let scalars = ScalarText(context)
        var answers: [AnswerSpan] = []
        // Places of the answers by their words, whose case does not count.
        var known: [String: Int] = [:]
        var none = 1_000_000.0
        for window in windows {
            let (starts, ends) = (weights(window.start, window), weights(window.end, window))
            none = min(none, starts.classify * ends.classify)
            for candidate in candidates(starts.context, ends.context) {
                let range = place(candidate, in: window)
                let text = scalars[range]
                let score = Float(candidate.score)
                let words = text.lowercased()
                if let place = known[words] {
                    answers[place].score += score
                } else {
                    known[words] = answers.count
                    answers.append(AnswerSpan(score: score, range: range, text: text))
                }
            }
        }
        if allowsNone { answers.append(AnswerSpan(score: Float(none), range: 0..<0, text: "")) }
        let order = answers.indices.sorted {
            (answers[$0].score, $1) > (answers[$1].score, $0)
        }
        return order.prefix(top).map { answers[$0] }
    }

    /// Softmax over the first token, which stands for "no answer", and the context's.
    private func weights(
        _ scores: [Float], _ window: AnswerWindow
    ) -> (classify: Double, context: [Double]) {
        let considered = [scores[0]] + scores[window.context]
        let largest = Double(considered.max() ?? 0)
        let weights = considered.map { exp(Double($0) - largest) }
        let sum = weights.reduce(0, +)
        return (weights[0] / sum, weights.dropFirst().map { $0 / sum })
    }

    /// The best spans, best first. Some of them may turn out to be the same words, so there are more
    /// than will be answered.
    private func candidates(_ starts: [Double], _ ends: [Double]) -> [Candidate] {
        let limit = alignsToWords ? top * 2 + 10 : top
        var best: [Candidate] = []
        for start in starts.indices where starts[start] > 0 {
            for end in start..<min(start + maximumLength, ends.count) {
                let score = starts[start] * ends[end]
                if best.count == limit, score <= best[limit - 1].score { continue }
                guard score > 0 else { continue }
                let position = best.firstIndex { $0.score < score } ?? best.count
                best.insert(Candidate(start: start, end: end, score: score), at: position)
                if best.count > limit { best.removeLast() }
            }
        }
        return best
    }

    private func place(_ candidate: Candidate, in window: AnswerWindow) -> Range<Int> {
        var first = candidate.start + window.context.lowerBound
        var last = candidate.end + window.context.lowerBound
        if alignsToWords {
            while first > window.context.lowerBound, window.continues[first] { first -= 1 }
            while last + 1 < window.context.upperBound, window.continues[last + 1] { last += 1 }
        }
        return window.offsets[first].lowerBound..<window.offsets[last].upperBound
    }
}
