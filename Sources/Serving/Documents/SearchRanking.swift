package import DocumentStore

/// How a search ranks, as its caller says it: field by field, each nil where it is not given.
package struct SearchRanking: Sendable {
    /// What is compared.
    package enum Mode: String, Sendable, CaseIterable {
        /// Meaning.
        case vector
        /// Words.
        case text
        /// Both.
        case hybrid
    }

    /// What does not go together, or is out of its range.
    package struct Problem: Error {
        /// The API's name of the field.
        package let field: String
        /// What is wrong with it, to be read after its name and a colon.
        package let reason: String
    }

    /// What is compared.
    package var mode: Mode = .vector
    /// How a hybrid's rankings are joined.
    package var fusion: SearchRequest.Fusion.Kind?
    /// What reciprocal ranks add to each rank.
    package var rankConstant: Int?
    /// The weight of the vectors' side in a hybrid.
    package var alpha: Double?
    /// Passages that are ranked instead of documents; nil is none.
    package var passages: SearchRequest.Scope?
    /// The weight of the best passage beside its document.
    package var passageWeight: Double?

    /// Reciprocal ranks, of documents by their own vectors.
    package init() {}

    /// How rankings are joined, and what is ranked.
    package func checked() throws(Problem) -> (
        fusion: SearchRequest.Fusion, scope: SearchRequest.Scope
    ) {
        for (field, isGiven) in [
            ("fusion", fusion != nil), ("rank_constant", rankConstant != nil),
            ("alpha", alpha != nil),
        ] where isGiven && mode != .hybrid {
            throw Problem(field: field, reason: "joins rankings, so it needs mode hybrid")
        }
        let constants = SearchRequest.Fusion.rankConstants
        if let rankConstant, !constants.contains(rankConstant) {
            throw Problem(
                field: "rank_constant",
                reason:
                    "expected \(constants.lowerBound) to \(constants.upperBound), got \(rankConstant)"
            )
        }
        try Self.check("alpha", alpha, SearchRequest.Fusion.alphas)
        guard
            let fusion = SearchRequest.Fusion(fusion, rankConstant: rankConstant, alpha: alpha)
        else {
            throw Problem(
                field: "rank_constant", reason: "belongs to fusion rrf, which joins ranks")
        }
        return (fusion, try scope())
    }

    private func scope() throws(Problem) -> SearchRequest.Scope {
        for (field, isGiven) in [
            ("passages", passages != nil), ("passage_weight", passageWeight != nil),
        ] where isGiven && mode == .text {
            throw Problem(
                field: field,
                reason: "is about passages' vectors, so it needs mode vector or hybrid")
        }
        guard let weight = passageWeight else { return passages ?? .documents }
        try Self.check("passage_weight", weight, SearchRequest.passageWeights)
        guard passages == nil else {
            throw Problem(
                field: "passage_weight",
                reason: "ranks documents, and passages ranks passages: give one of them")
        }
        return weight == 0 ? .documents : .documentsByPassages(weight: weight)
    }

    private static func check(
        _ field: String, _ value: Double?, _ range: ClosedRange<Double>
    ) throws(Problem) {
        guard let value, !range.contains(value) else { return }
        throw Problem(
            field: field,
            reason: "expected \(Int(range.lowerBound)) to \(Int(range.upperBound)), got \(value)")
    }
}
