#include "runtime/template/values/integers.h"

#include <fmt/format.h>
#include <gmpxx.h>

#include <algorithm>
#include <cmath>

namespace stemma::jinja {

struct Wide {
  explicit Wide(mpz_class is)
      : number(std::move(is)), charge(64 + static_cast<int64_t>(mpz_size(number.get_mpz_t())) * 8) {}
  mpz_class number;
  Charge charge;
};

namespace {

using Kind = Value::Kind;

constexpr size_t most_bits = 65'536, most_digits = 4300;

[[noreturn]] void too_large() {
  throw Stop(fmt::format("computes with an integer of more than {} bits, which is not supported here", most_bits));
}

size_t bits_of(const mpz_class& number) { return number == 0 ? 0 : mpz_sizeinbase(number.get_mpz_t(), 2); }

mpz_class number_of(const Value& integer) {
  if (integer.is(Kind::wide)) return integer.wide().number;
  return mpz_class(static_cast<long>(integer.whole()));
}

Value value_of(mpz_class number) {
  if (number.fits_slong_p()) return Value(static_cast<int64_t>(number.get_si()));
  const size_t bits = bits_of(number);
  if (bits > most_bits) too_large();
  work_on_bytes(bits / 8);
  return Value(std::make_shared<const Wide>(std::move(number)));
}

// Between digits and bits; about as long as GMP takes for so many.
void work_on_digits(size_t bits) { work(1 + static_cast<int64_t>(bits / 64 * (bits / 64) / 16)); }

// The real that is nearest to a / b, of two the even one. Digits past the 53rd are 64 bits wide and sticky.
double quotient_of(mpz_class a, mpz_class b) {
  const bool minus = (a < 0) != (b < 0);
  a = abs(a);
  b = abs(b);
  if (a == 0) return minus ? -0.0 : 0.0;
  const auto shift = static_cast<int64_t>(bits_of(a)) - static_cast<int64_t>(bits_of(b)) - 66;
  if (shift > 0)
    b <<= static_cast<mp_bitcnt_t>(shift);
  else
    a <<= static_cast<mp_bitcnt_t>(-shift);
  mpz_class whole, rest;
  mpz_fdiv_qr(whole.get_mpz_t(), rest.get_mpz_t(), a.get_mpz_t(), b.get_mpz_t());
  // Subnormal reals have fewer than 53 bits: what lies below the last is cut into the sticky bit first.
  const auto exponent = static_cast<int64_t>(bits_of(whole)) + shift;
  const int64_t kept = std::clamp<int64_t>(exponent + 1074, 0, 53) + 1;
  const int64_t cut = static_cast<int64_t>(bits_of(whole)) - kept;
  mpz_class low;
  mpz_fdiv_r_2exp(low.get_mpz_t(), whole.get_mpz_t(), static_cast<mp_bitcnt_t>(cut));
  whole >>= static_cast<mp_bitcnt_t>(cut);
  const bool half = mpz_odd_p(whole.get_mpz_t()), sticky = low != 0 || rest != 0;
  whole >>= 1;
  if (half && (sticky || mpz_odd_p(whole.get_mpz_t()))) whole += 1;
  const double real = std::ldexp(whole.get_d(), static_cast<int>(std::clamp<int64_t>(shift + cut + 1, -5000, 5000)));
  if (std::isinf(real)) throw Fault("integer division result too large for a float");
  return minus ? -real : real;
}

Value power(const mpz_class& base, const mpz_class& exponent) {
  if (base >= -1 && base <= 1) {
    const bool even = mpz_even_p(exponent.get_mpz_t());
    return value_of(exponent == 0 || (base == -1 && even) ? mpz_class(1) : base);
  }
  if (!exponent.fits_ulong_p() || exponent.get_ui() > most_bits) too_large();
  if ((bits_of(base) - 1) * exponent.get_ui() > most_bits) too_large();
  mpz_class result;
  mpz_pow_ui(result.get_mpz_t(), base.get_mpz_t(), exponent.get_ui());
  return value_of(std::move(result));
}

}  // namespace

Value integer_from(std::string_view digits, int base) {
  if (digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.size() > most_bits + 1) too_large();  // before time is spent on them
  work_on_digits(digits.size() * 4);
  return value_of(mpz_class(std::string(digits), base));
}

Value integer_from(uint64_t number) { return value_of(mpz_class(static_cast<unsigned long>(number))); }

std::optional<Value> truncated(double real) {
  if (!std::isfinite(real)) return std::nullopt;
  return value_of(mpz_class(real));
}

Value apply_to_integers(Binary operation, const Value& left, const Value& right) {
  const mpz_class a = number_of(left), b = number_of(right);
  switch (operation) {
    case Binary::add:
      return value_of(a + b);
    case Binary::subtract:
      return value_of(a - b);
    case Binary::multiply:
      if (bits_of(a) + bits_of(b) > most_bits + 1) too_large();
      work_on_bytes(bits_of(a) * (1 + bits_of(b) / 512));
      return value_of(a * b);
    case Binary::divide:
      if (b == 0) throw Fault("division by zero");
      return Value(quotient_of(a, b));
    case Binary::divide_down:
    case Binary::remainder: {
      if (b == 0) throw Fault("integer division or modulo by zero");
      work_on_bytes(bits_of(a) * (1 + bits_of(b) / 512));
      mpz_class quotient, rest;
      mpz_fdiv_qr(quotient.get_mpz_t(), rest.get_mpz_t(), a.get_mpz_t(), b.get_mpz_t());
      return value_of(operation == Binary::remainder ? rest : quotient);
    }
    case Binary::power:
      if (b >= 0) return power(a, b);
      if (a == 0) throw Fault("0.0 cannot be raised to a negative power");
      return Value(std::pow(nearest_real(left), nearest_real(right)));
  }
  return {};
}

Value negated_integer(const Value& integer) { return value_of(-number_of(integer)); }

Value rounded_integer(const Value& integer, int64_t digits) {
  if (digits < -static_cast<int64_t>(most_bits)) return Value(int64_t{0});
  mpz_class scale, down, rest;
  mpz_ui_pow_ui(scale.get_mpz_t(), 10, static_cast<unsigned long>(-digits));
  const mpz_class number = number_of(integer);
  mpz_fdiv_qr(down.get_mpz_t(), rest.get_mpz_t(), number.get_mpz_t(), scale.get_mpz_t());
  const mpz_class twice = 2 * rest;
  if (twice > scale || (twice == scale && mpz_odd_p(down.get_mpz_t()))) down += 1;
  return value_of(down * scale);
}

bool is_negative(const Value& integer) {
  return integer.is(Kind::wide) ? integer.wide().number < 0 : integer.whole() < 0;
}

int order_of_numbers(const Value& left, const Value& right) {
  if (right.is(Kind::real)) {
    if (!left.is(Kind::real))
      return mpz_cmp_d(number_of(left).get_mpz_t(), right.number()) < 0   ? -1
             : mpz_cmp_d(number_of(left).get_mpz_t(), right.number()) > 0 ? 1
                                                                          : 0;
    return left.number() < right.number() ? -1 : left.number() > right.number() ? 1 : 0;
  }
  if (left.is(Kind::real)) return -order_of_numbers(right, left);
  const int order = cmp(number_of(left), number_of(right));
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

size_t hash_of_wide(const Value& wide) {  // as that of the real that may be equal to it
  const double real = wide.wide().number.get_d();
  return std::hash<double>()(real);
}

double nearest_real(const Value& integer) {
  if (integer.is_whole()) return static_cast<double>(integer.whole());
  if (bits_of(integer.wide().number) > 1024) throw Fault("int too large to convert to float");
  return quotient_of(integer.wide().number, 1);
}

std::string digits_of_integer(const Value& integer, int base) {
  const mpz_class magnitude = abs(number_of(integer));
  work_on_digits(bits_of(magnitude));
  const std::string digits = magnitude.get_str(base);
  if (base == 10 && digits.size() > most_digits)
    throw Fault(fmt::format("Exceeds the limit ({} digits) for integer string conversion", most_digits));
  return digits;
}

int64_t bit_length(const Value& integer) { return static_cast<int64_t>(bits_of(number_of(integer))); }

int64_t bit_count(const Value& integer) {
  return static_cast<int64_t>(mpz_popcount(mpz_class(abs(number_of(integer))).get_mpz_t()));
}

Value ratio_of(double real) {
  if (!std::isfinite(real)) throw Fault("cannot convert Infinity or NaN to integer ratio");
  const mpq_class ratio(real);
  return make_tuple({value_of(ratio.get_num()), value_of(ratio.get_den())});
}

}  // namespace stemma::jinja
