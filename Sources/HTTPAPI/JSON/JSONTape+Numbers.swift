/// Numbers in types of Swift. The nodes are those of numbers.
extension JSONTape {
    /// An integer, also one that is written with a point or an exponent; nil when it does not fit.
    func integer<Value: FixedWidthInteger>(_: Value.Type, at index: Int) -> Value? {
        let text = text(at: index)
        if nodes[index].kind == .integer { return Value(decimal: text) }
        // Past 2^53 a Double stands for many integers.
        guard let value = Double(String(decoding: text, as: UTF8.self)),
            value.magnitude <= 9_007_199_254_740_992
        else { return nil }
        return Value(exactly: value)
    }

    /// The nearest number; nil when it does not fit.
    func float<Value: BinaryFloatingPoint & LosslessStringConvertible>(
        _: Value.Type, at index: Int
    ) -> Value? {
        let value = Value(String(decoding: text(at: index), as: UTF8.self))
        return value?.isFinite == true ? value : nil
    }
}

extension FixedWidthInteger {
    /// Decimal digits with an optional minus sign; nil when the value does not fit.
    fileprivate init?(decimal text: ArraySlice<UInt8>) {
        var digits = text
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative { digits = digits.dropFirst() }
        var value: Self = 0
        for digit in digits {
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let unit = Self(truncatingIfNeeded: digit &- 0x30)
            // Downwards for negative numbers: the least one has no positive twin.
            let (next, further) =
                isNegative
                ? tens.subtractingReportingOverflow(unit) : tens.addingReportingOverflow(unit)
            if overflow || further { return nil }
            value = next
        }
        self = value
    }
}
