import HTTPServer

/// Typed access to a request's query; what has the wrong type is refused with 422 and its name.
extension ServerRequest {
    /// `?name`, `?name=true` and `?name=1` are true, `?name=false` and `?name=0` false.
    func flag(_ name: String) throws(APIError) -> Bool? {
        switch query[name] {
        case nil: return nil
        case "", "true", "1": return true
        case "false", "0": return false
        case .some(let value):
            throw .validation(
                field: name, "expected true or false, got \"\(value.prefix(100))\"")
        }
    }

    /// Refuses a query with another name than these, or than none and `_`, by which clients pass caches.
    func checkQuery(takes names: Set<String>) throws(APIError) {
        let known = names.union(["", "_"])
        guard let name = query.keys.filter({ !known.contains($0) }).min() else { return }
        throw .validation(
            field: String(name.prefix(100)),
            "is no parameter of this route, which takes "
                + names.sorted().joined(separator: ", "))
    }

    /// A decimal integer within `range`.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(APIError) -> Int? {
        guard let value = query[name] else { return nil }
        guard let number = Int(value), range.contains(number) else {
            throw .validation(
                field: name,
                "expected an integer from \(range.lowerBound) to \(range.upperBound), "
                    + "got \"\(value.prefix(100))\"")
        }
        return number
    }
}
