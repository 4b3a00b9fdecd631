#include "runtime/influence/unfinished.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <span>

#include "runtime/error.h"
#include "runtime/model/files/hash.h"
#include "runtime/session/rename_whole.h"

namespace stemma {

namespace {

// magic; key, stage, done, seconds; for each array its name, its length and its numbers; an empty name; hash of all
// that.
constexpr std::string_view magic = "stemma-unfinished-1\n";
constexpr size_t hash_size = 32, longest_text = 4096;
constexpr double share = 0.02;  // of the time, that writing may take
static_assert(std::endian::native == std::endian::little);

class Reader {
 public:
  explicit Reader(const std::filesystem::path& file) : file_(file), stream_(file, std::ios::binary) {
    stream_.seekg(0, std::ios::end);
    const auto size = static_cast<int64_t>(stream_.tellg());
    end_ = size - static_cast<int64_t>(hash_size);
    if (!stream_ || end_ < static_cast<int64_t>(magic.size())) fail();
    stream_.seekg(0);
    Hasher hasher;
    std::vector<char> block(size_t{1} << 20);
    for (int64_t left = end_; left > 0;) {
      const auto some = static_cast<size_t>(std::min<int64_t>(left, static_cast<int64_t>(block.size())));
      take(block.data(), some);
      hasher.add(std::string_view(block.data(), some));
      left -= static_cast<int64_t>(some);
    }
    std::string hash(hash_size, ' ');
    if (!stream_.read(hash.data(), hash_size) || hash != hasher.hex()) fail();
    at_ = 0;
    stream_.seekg(0);
    std::string start(magic.size(), ' ');
    take(start.data(), start.size());
    if (start != magic) fail();
  }

  template <class T>
  T number() {
    T value;
    take(&value, sizeof value);
    return value;
  }
  std::string text() {
    const auto size = number<uint64_t>();
    if (size > longest_text) fail();
    std::string text(size, ' ');
    take(text.data(), text.size());
    return text;
  }
  int64_t place() const { return at_; }
  void skip_numbers(int64_t count) {
    if (count < 0 || count > (end_ - at_) / static_cast<int64_t>(sizeof(float))) fail();
    at_ += count * static_cast<int64_t>(sizeof(float));
    stream_.seekg(at_);
  }
  [[noreturn]] void fail() const {
    throw Error(ErrorCode::bad_file, fmt::format("{}: not what was written", file_.string()));
  }

 private:
  void take(void* to, size_t size) {
    if (static_cast<int64_t>(size) > end_ - at_ ||
        !stream_.read(static_cast<char*>(to), static_cast<std::streamsize>(size)))
      fail();
    at_ += static_cast<int64_t>(size);
  }
  std::filesystem::path file_;
  std::ifstream stream_;
  int64_t at_ = 0, end_ = 0;
};

class Writer {
 public:
  explicit Writer(const std::filesystem::path& file) : stream_(file, std::ios::binary | std::ios::trunc) { add(magic); }

  void add(std::string_view bytes) {
    hasher_.add(bytes);
    stream_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  template <class T>
  void number(T value) {
    add({reinterpret_cast<const char*>(&value), sizeof value});
  }
  void text(const std::string& text) {
    number(uint64_t{text.size()});
    add(text);
  }
  bool close() {
    const std::string hash = hasher_.hex();
    stream_.write(hash.data(), static_cast<std::streamsize>(hash.size()));
    stream_.close();
    return static_cast<bool>(stream_);
  }

 private:
  std::ofstream stream_;
  Hasher hasher_;
};

// One name for every program: what a kill leaves is written over by the next run, and goes with the file itself.
std::filesystem::path half_written(const std::filesystem::path& file) { return file.string() + ".part"; }

}  // namespace

std::filesystem::path unfinished_path(const std::filesystem::path& result) { return result.string() + ".unfinished"; }

void remove_unfinished(const std::filesystem::path& result) {
  std::error_code none;
  std::filesystem::remove(unfinished_path(result), none);
  std::filesystem::remove(half_written(unfinished_path(result)), none);
}

UnfinishedWork::UnfinishedWork(std::filesystem::path file, std::string key, const Control& control, double pause)
    : file_(std::move(file)), key_(std::move(key)), pause_(pause), control_(control) {
  std::error_code none;
  if (file_.empty() || !std::filesystem::exists(file_, none)) return;
  try {
    read();
  } catch (const Error& error) {
    control_.tell(fmt::format("{}; the work starts anew", error.what()));
  }
}

void UnfinishedWork::read() {
  Reader reader(file_);
  if (reader.text() != key_) {
    control_.tell(fmt::format(
        "{}: of other work (another model, corpus or options); the work starts anew and replaces it", file_.string()));
    return;
  }
  const std::string stage = reader.text();
  const auto done = reader.number<int64_t>();
  const auto seconds = reader.number<double>();
  std::map<std::string, Place> parts;
  for (std::string name = reader.text(); !name.empty(); name = reader.text()) {
    const auto count = reader.number<int64_t>();
    parts[name] = {reader.place(), count};
    reader.skip_numbers(count);
  }
  if (done < 0 || stage.empty()) reader.fail();
  earlier_ = seconds > 0 ? seconds : 0;
  stage_ = stage;
  done_ = done;
  parts_ = std::move(parts);
  control_.tell(fmt::format("going on from {}, which an earlier run left", file_.string()));
}

double UnfinishedWork::seconds() const { return earlier_ + seconds_since(start_); }

std::vector<float> UnfinishedWork::part(const std::string& name, size_t count) const {
  const auto found = parts_.find(name);
  std::vector<float> values(found != parts_.end() && found->second.count == static_cast<int64_t>(count) ? count : 0);
  if (values.size() == count) {
    std::ifstream stream(file_, std::ios::binary);
    stream.seekg(found->second.offset);
    stream.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(count * sizeof(float)));
    if (stream) return values;
  }
  throw Error(ErrorCode::bad_file,
              fmt::format("{}: no '{}' of {} numbers; remove the file to start anew", file_.string(), name, count));
}

bool UnfinishedWork::due() const { return !file_.empty() && seconds_since(last_) >= std::max(pause_, cost_ / share); }

void UnfinishedWork::keep(const std::string& stage, int64_t done, const std::function<void(const Put&)>& parts) {
  if (file_.empty()) return;
  const auto start = Clock::now();
  const std::filesystem::path beside = half_written(file_);
  try {
    Writer writer(beside);
    writer.text(key_);
    writer.text(stage);
    writer.number(done);
    writer.number(seconds());
    parts([&](const std::string& name, const std::vector<float>& values) {
      writer.text(name);
      writer.number(static_cast<int64_t>(values.size()));
      writer.add({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
    });
    writer.text("");
    if (!writer.close()) throw Error(ErrorCode::disk, "");
    rename_whole(beside, file_);
  } catch (const Error&) {
    std::error_code none;
    std::filesystem::remove(beside, none);
    if (!failed_)
      control_.tell(fmt::format("{}: what is done so far cannot be kept; make room, or let the work run through",
                                file_.string()));
    failed_ = true;
  }
  last_ = Clock::now();
  cost_ = std::chrono::duration<double>(last_ - start).count();
}

}  // namespace stemma
