import Kernels

extension Activation {
    /// The activation that a configuration's `hidden_act` names, nil for an unknown name.
    init?(hiddenAct name: String) {
        switch name {
        case "gelu", "gelu_python": self = .geluErf
        case "gelu_new", "gelu_fast", "gelu_pytorch_tanh": self = .geluTanh
        case "tanh": self = .tanh
        case "relu": self = .relu
        case "silu", "swish": self = .silu
        case "sigmoid": self = .sigmoid
        case "linear": self = .none
        default: return nil
        }
    }
}
