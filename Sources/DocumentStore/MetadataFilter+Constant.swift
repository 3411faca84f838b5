extension MetadataFilter {
    /// Whether it lets every document through whatever its metadata, as `{}` does, also where that is
    /// only plain from how its parts are joined.
    package var isAlwaysTrue: Bool { root.constant == true }
}

extension MetadataFilter.Node {
    /// What it is for every document; nil where that depends on the document.
    fileprivate var constant: Bool? {
        switch self {
        case .all(let nodes): Self.join(nodes, decidedBy: false)
        case .any(let nodes): Self.join(nodes, decidedBy: true)
        case .not(let node): node.constant.map { !$0 }
        case .test(_, .equal([])): false
        case .test: nil
        }
    }

    /// One part of this value decides; all parts of the other value are that.
    private static func join(_ nodes: [Self], decidedBy deciding: Bool) -> Bool? {
        let constants = nodes.map(\.constant)
        if constants.contains(deciding) { return deciding }
        return constants.contains(nil) ? nil : !deciding
    }
}
