// What a template may use up. Templates come from strangers: one that loops for ever, calls itself without end or
// builds a gigabyte is stopped with one sentence.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <vector>

namespace stemma {

struct TemplateLimits {
  int64_t steps = 50'000'000;   // expressions evaluated, items visited, bytes looked at by the 64
  int64_t bytes = 256'000'000;  // of all values that live at once, the output included
  int calls = 150;              // macros and loops within each other
};

namespace jinja {

// What is wrong with a template or what it did: a sentence without the place, which the machine adds.
struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A whole clause with "the chat template" as its subject: "stopped after ...", "refuses ...".
struct Stop : Fault {
  using Fault::Fault;
};

inline constexpr int deepest_value = 400;   // lists in lists
inline constexpr int deepest_syntax = 400;  // expressions in expressions, blocks in blocks

class Value;

// A value that can come to hold itself. The meter empties those that are left when a rendering ends, and takes a chain
// of them apart without recursion.
class Cell {
 public:
  Cell();
  virtual ~Cell();
  Cell(const Cell&) = delete;
  Cell& operator=(const Cell&) = delete;
  virtual void empty(std::vector<Value>& into) = 0;  // moves out all that it holds

 protected:
  void take_apart();  // for destructors

 private:
  friend class Meter;
  class Meter* meter_;
};

// Counts for one rendering, on the thread that renders.
class Meter {
 public:
  explicit Meter(const TemplateLimits& limits);
  ~Meter();
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;
  static Meter* current();  // null while a template is only read

  void work(int64_t steps);  // throws Fault past the limit
  void take(int64_t bytes);  // throws Fault past the limit
  void give_back(int64_t bytes) { bytes_ -= bytes; }
  void expect_room(int64_t bytes) const;

 private:
  friend class Cell;
  void bury(Cell& cell);

  TemplateLimits limits_;
  int64_t steps_ = 0, bytes_ = 0;
  std::unordered_set<Cell*> cells_;
  std::vector<Value> graves_;
  bool burying_ = false;
  Meter* outer_;
};

// All four do nothing while a template is only read.
void work(int64_t steps);
inline void work_on_bytes(size_t bytes) { work(1 + static_cast<int64_t>(bytes / 64)); }      // copied, compared
inline void work_on_characters(size_t bytes) { work(1 + static_cast<int64_t>(bytes / 4)); }  // told one by one
void expect_room(int64_t bytes);  // before memory is taken

// The memory of one value, given back with it.
class Charge {
 public:
  explicit Charge(int64_t bytes) : meter_(Meter::current()) { add(bytes); }
  ~Charge() {
    if (meter_) meter_->give_back(bytes_);
  }
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;
  void add(int64_t bytes) {
    if (!meter_) return;
    meter_->take(bytes);
    bytes_ += bytes;
  }

 private:
  Meter* meter_;
  int64_t bytes_ = 0;
};

// The depth of what holds a value of this depth; throws Fault past deepest_value.
int deeper(int depth);

}  // namespace jinja

}  // namespace stemma
