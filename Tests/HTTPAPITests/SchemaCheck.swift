import Foundation

/// Holds JSON values against schemas of an OpenAPI document, as far as ours use the language. An object's
/// member that no schema names is a problem, too, unless told otherwise: what is answered has to be
/// described.
struct SchemaCheck {
    let document: [String: Any]
    /// Whether a member that no schema names is a problem.
    var isClosed = true

    /// What is wrong with a value, with its place; none when all is well.
    func problems(_ value: Any, _ schema: [String: Any], at place: String = "$") -> [String] {
        problems(value, schema, at: place, isWhole: true)
    }

    private func problems(
        _ value: Any, _ schema: [String: Any], at place: String, isWhole: Bool
    ) -> [String] {
        let schema = resolved(schema)
        var problems: [String] = []
        if let names = schema["type"].map({ $0 as? [String] ?? [$0 as? String ?? ""] }),
            !names.contains(where: { has(value, type: $0) })
        {
            return ["\(place): expected \(names), got \(value)"]
        }
        if let allowed = schema["enum"] as? [Any],
            !allowed.contains(where: { ($0 as? NSObject) == (value as? NSObject) })
        {
            problems.append("\(place): \(value) is none of \(allowed)")
        }
        if let constant = schema["const"] as? NSObject, constant != value as? NSObject {
            problems.append("\(place): \(value) is not \(constant)")
        }
        if let number = value as? Double, !isBoolean(value),
            number < (schema["minimum"] as? NSNumber)?.doubleValue ?? -.infinity
                || number > (schema["maximum"] as? NSNumber)?.doubleValue ?? .infinity
        {
            problems.append("\(place): \(number) is too small or too large")
        }
        for part in schema["allOf"] as? [[String: Any]] ?? [] {
            problems += self.problems(value, part, at: place, isWhole: false)
        }
        for key in ["anyOf", "oneOf"] {
            guard let choices = schema[key] as? [[String: Any]] else { continue }
            let found = choices.map { self.problems(value, $0, at: place, isWhole: false) }
            let fitting = found.count(where: \.isEmpty)
            if fitting == 0 || key == "oneOf" && fitting > 1 {
                problems.append("\(place): fits \(fitting) of \(key): \(found.prefix(3))")
            }
        }
        if let object = value as? [String: Any] {
            problems += self.problems(object, schema, at: place, isWhole: isWhole)
        }
        if let list = value as? [Any], list.count < schema["minItems"] as? Int ?? 0 {
            problems.append("\(place): has too few entries")
        }
        if let list = value as? [Any], let items = schema["items"] as? [String: Any] {
            for (index, item) in list.enumerated().prefix(50) {
                problems += self.problems(item, items, at: "\(place)[\(index)]", isWhole: true)
            }
        }
        return problems
    }

    private func problems(
        _ object: [String: Any], _ schema: [String: Any], at place: String, isWhole: Bool
    ) -> [String] {
        var problems: [String] = []
        for name in schema["required"] as? [String] ?? [] where object[name] == nil {
            problems.append("\(place).\(name): is missing")
        }
        if object.count < schema["minProperties"] as? Int ?? 0 {
            problems.append("\(place): has too few members")
        }
        let properties = schema["properties"] as? [String: [String: Any]] ?? [:]
        let others = schema["additionalProperties"] as? [String: Any]
        let patterns = schema["patternProperties"] as? [String: [String: Any]] ?? [:]
        for (name, value) in object {
            let byPattern = patterns.first { pattern, _ in
                name.range(of: pattern, options: .regularExpression) != nil
            }
            if let property = properties[name] ?? byPattern?.value ?? others {
                problems += self.problems(value, property, at: "\(place).\(name)", isWhole: true)
            } else if !patterns.isEmpty {
                problems.append("\(place).\(name): is no such name")
            }
        }
        if isWhole, isClosed {
            let known = members(schema)
            for name in object.keys where known.map({ !$0.contains(name) }) ?? false {
                problems.append("\(place).\(name): is not described")
            }
        }
        return problems
    }

    /// The names that a schema has for an object's members; nil where it leaves them open: it names none,
    /// or has a word for those that it does not name.
    private func members(_ schema: [String: Any]) -> Set<String>? {
        let schema = resolved(schema)
        if schema["additionalProperties"] is [String: Any] || schema["patternProperties"] != nil {
            return nil
        }
        var names = Set((schema["properties"] as? [String: Any] ?? [:]).keys)
        for key in ["allOf", "anyOf", "oneOf"] {
            for part in schema[key] as? [[String: Any]] ?? [] {
                names.formUnion(members(part) ?? [])
            }
        }
        return names.isEmpty ? nil : names
    }

    /// The schema that a reference stands for.
    func resolved(_ schema: [String: Any]) -> [String: Any] {
        guard let reference = schema["$ref"] as? String else { return schema }
        var place: Any? = document
        for step in reference.dropFirst(2).split(separator: "/") {
            place = (place as? [String: Any])?[String(step)]
        }
        return resolved(place as? [String: Any] ?? ["const": "no \(reference)"])
    }

    private func has(_ value: Any, type: String) -> Bool {
        switch type {
        case "null": value is NSNull
        case "boolean": isBoolean(value)
        case "integer": !isBoolean(value) && (value as? Double).map { $0 == $0.rounded() } ?? false
        case "number": !isBoolean(value) && value is Double
        case "string": value is String
        case "array": value is [Any]
        case "object": value is [String: Any]
        default: false
        }
    }

    /// Foundation takes true for the number 1.
    private func isBoolean(_ value: Any) -> Bool {
        guard let number = value as? NSNumber else { return false }
        return number === NSNumber(value: true) || number === NSNumber(value: false)
            || String(cString: number.objCType) == "c"
    }
}
