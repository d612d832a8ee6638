// livewave.render._kernels: the net of net.cpp, for Python. Every check was made by livewave/render/native.py.
#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "net.h"

namespace nb = nanobind;
using namespace nb::literals;
using namespace livewave;

template <class T>
using Array = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
template <class T>
using Written = nb::ndarray<T, nb::c_contig, nb::device::cpu>;

static std::vector<std::string> isas() {
    std::vector<std::string> names;
    for (int i = 0; i < ISA_COUNT; ++i)
        if (ISAS[i].runs_here()) names.push_back(ISAS[i].name);
    return names;
}

static Description describe(nb::dict numbers, nb::dict arrays, std::vector<Array<float>>& kept,
                            const Array<int32_t>& dilations, const Array<uint32_t>& phase_steps) {
    auto number = [&](const char* name) { return nb::cast<int>(numbers[name]); };
    auto array = [&](const char* name) -> const float* {
        if (!arrays.contains(name)) return nullptr;
        kept.push_back(nb::cast<Array<float>>(arrays[name]));
        return kept.back().data();
    };
    Description d{};
    d.roll_kernel = number("roll_kernel"), d.cond = number("cond_channels"), d.residual = number("residual_channels");
    d.skip = number("skip_channels"), d.hidden = number("out_channels"), d.layers = int(dilations.size());
    d.class_kernel = number("class_kernel"), d.input_kernel = number("input_kernel");
    d.outputs = number("outputs"), d.mixtures = number("mixtures");
    d.velocity = number("velocity"), d.precision = Precision(number("precision"));
    d.silence_class = number("silence_class"), d.silence = nb::cast<float>(numbers["silence"]);
    d.dilations = dilations.data(), d.phase_steps = phase_steps.data();
    d.mulaw = array("mulaw"), d.mulaw_thresholds = array("mulaw_thresholds");
    d.input_classes = array("input_classes"), d.input_waveform = array("input_waveform");
    d.input_bias = array("input_bias"), d.hint = array("hint");
    d.condition_kernel = array("condition_kernel"), d.condition_bias = array("condition_bias");
    d.past = array("past"), d.current = array("current");
    d.condition = array("condition"), d.gate_bias = array("gate_bias");
    d.residual_weights = array("residual"), d.residual_bias = array("residual_bias");
    d.skip_weights = array("skip"), d.skip_bias = array("skip_bias");
    d.hidden_weights = array("hidden"), d.hidden_bias = array("hidden_bias");
    d.logits_weights = array("logits"), d.logits_bias = array("logits_bias");
    return d;
}

// A net of the instruction set that it was made for.
struct Native {
    std::unique_ptr<Net> net;

    Native(const std::string& isa, nb::dict numbers, nb::dict arrays, Array<int32_t> dilations,
           Array<uint32_t> phase_steps) {
        std::vector<Array<float>> kept;
        Description d = describe(numbers, arrays, kept, dilations, phase_steps);
        nb::gil_scoped_release without_gil;  // packing takes milliseconds, and another net may be playing
        for (int i = 0; i < ISA_COUNT; ++i)
            if (isa == ISAS[i].name && ISAS[i].runs_here()) net.reset(ISAS[i].make(d));
        if (!net) throw std::invalid_argument("no kernel of this name runs here");
    }

    void reset() { net->reset(); }
    void remember() { net->remember(); }
    void recall() { net->recall(); }

    // steps is None where nothing is bent
    void render(Array<uint8_t> roll, Array<float> uniforms, Written<float> out, float temperature,
                Array<uint32_t> steps) {
        nb::gil_scoped_release without_gil;
        int64_t columns = roll.shape(0), held = int64_t(out.shape(0)) / columns;
        net->render(roll.data(), given(steps), columns, held, uniforms.data(), out.data(), temperature);
    }

    void feed(Array<uint8_t> roll, Array<float> samples, Array<uint32_t> steps) {
        nb::gil_scoped_release without_gil;
        int64_t columns = roll.shape(0), held = int64_t(samples.shape(0)) / columns;
        net->feed(roll.data(), given(steps), columns, held, samples.data(), nullptr);
    }

    void feed_for_logits(Array<uint8_t> roll, Array<float> samples, Written<float> logits, Array<uint32_t> steps) {
        nb::gil_scoped_release without_gil;
        int64_t columns = roll.shape(0), held = int64_t(samples.shape(0)) / columns;
        net->feed(roll.data(), given(steps), columns, held, samples.data(), logits.data());
    }

    static const uint32_t* given(const Array<uint32_t>& steps) { return steps.is_valid() ? steps.data() : nullptr; }

    void layer_inputs(Written<float> out) { net->layer_inputs(out.data()); }
    size_t weight_bytes() { return net->weight_bytes(); }
};

// Seconds that one core needs to read `bytes` again and again: the median of passes made for `seconds`.
static double seconds_to_read(const std::string& isa, size_t bytes, double seconds) {
    nb::gil_scoped_release without_gil;
    using Time = std::chrono::steady_clock;
    std::unique_ptr<void, void (*)(void*)> memory(allocate(bytes), release);
    std::vector<double> took;
    volatile uint32_t seen = 0;
    for (int i = 0; i < ISA_COUNT; ++i) {
        if (isa != ISAS[i].name || !ISAS[i].runs_here()) continue;
        const auto deadline = Time::now() + std::chrono::duration<double>(seconds);
        do {
            const auto began = Time::now();
            for (int pass = 0; pass < 10; ++pass) seen = seen + ISAS[i].sweep(memory.get(), bytes);
            took.push_back(std::chrono::duration<double>(Time::now() - began).count() / 10);
        } while (Time::now() < deadline);
    }
    if (took.empty()) throw nb::value_error("no kernel of this name runs here");
    std::nth_element(took.begin(), took.begin() + took.size() / 2, took.end());
    return took[took.size() / 2];
}

NB_MODULE(_kernels, m) {
    m.def("isas", &isas, "Names of the instruction sets that were built and that this CPU runs, slowest first.");
    m.def("seconds_to_read", &seconds_to_read, "isa, bytes, seconds of measuring -> median seconds of one pass.");
    nb::class_<Native>(m, "Net")
        .def(nb::init<const std::string&, nb::dict, nb::dict, Array<int32_t>, Array<uint32_t>>())
        .def("reset", &Native::reset)
        .def("remember", &Native::remember)
        .def("recall", &Native::recall)
        .def("render", &Native::render, "roll"_a, "uniforms"_a, "out"_a, "temperature"_a, "steps"_a = nb::none())
        .def("feed", &Native::feed, "roll"_a, "samples"_a, "steps"_a = nb::none())
        .def("feed_for_logits", &Native::feed_for_logits, "roll"_a, "samples"_a, "logits"_a, "steps"_a = nb::none())
        .def("layer_inputs", &Native::layer_inputs)
        .def("weight_bytes", &Native::weight_bytes);
}
