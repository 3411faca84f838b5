/// A path with parameters, such as `/documents/{id}/chunk`.
///
/// A parameter stands for one segment, which must not be empty; it is decoded after the path was
/// split, so that an id may contain `%2F`.
struct PathPattern: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    private enum Segment: Hashable {
        case literal(String)
        case parameter(String)
    }

    /// The pattern as written: the route's name in metrics and in the API's description.
    let description: String
    /// The names of its parameters, in order.
    let parameters: [String]
    private let segments: [Segment]

    init(stringLiteral text: String) {
        description = text
        segments = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map {
            $0.hasPrefix("{") && $0.hasSuffix("}")
                ? .parameter(String($0.dropFirst().dropLast())) : .literal(String($0))
        }
        parameters = segments.compactMap {
            if case .parameter(let name) = $0 { name } else { nil }
        }
    }

    /// Whether it stands for one path only.
    var isLiteral: Bool { parameters.isEmpty }

    /// The parameters' values, if the path is one of those the pattern stands for.
    func match(_ path: [String]) -> [String: String]? {
        guard path.count == segments.count else { return nil }
        var values: [String: String] = [:]
        for (segment, part) in zip(segments, path) {
            switch segment {
            case .literal(let text): if text != part { return nil }
            case .parameter(let name):
                if part.isEmpty { return nil }
                values[name] = part
            }
        }
        return values
    }
}
