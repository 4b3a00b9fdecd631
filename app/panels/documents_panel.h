// Right: the documents behind the step in hand. A list above, the chosen document below.
#pragma once

#include <QComboBox>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QSplitter>
#include <QStackedWidget>
#include <QToolButton>
#include <QWidget>

#include "app/document.h"
#include "app/jobs.h"
#include "app/panels/document_list.h"
#include "app/panels/document_view.h"
#include "app/panels/quiet_list.h"

namespace stemma {

class DocumentsPanel : public QWidget {
  Q_OBJECT

 public:
  DocumentsPanel(OpenSession* document, Jobs* jobs, QWidget* parent = nullptr);

  static QString words_of(const AskedSpan& span);  // "tokens 13 to 15 rather than “8”"

  void move_document(int by);  // in the list, [ and ]
  void show_side(bool proponents);
  void toggle_whole();  // the document alone, without the list
  QuietList* list() const { return list_; }
  DocumentView* view() const { return view_; }
  QString fact() const { return step_fact_->isHidden() ? QString() : step_fact_->text(); }
  QString note() const { return note_->isHidden() ? QString() : note_->text(); }
  QPushButton* attribute_button() const { return attribute_; }
  QByteArray splitter_state() const { return splitter_->saveState(); }
  void restore_splitter(const QByteArray& state) { splitter_->restoreState(state); }

 signals:
  void attribute_wanted();
  void attribute_options_wanted();

 private:
  QWidget* build_list();
  QWidget* build_empty();
  void refresh();
  void refresh_list();
  void refresh_empty();
  void follow_cursor();

  OpenSession* document_;
  Jobs* jobs_;
  QStackedWidget* pages_;
  QWidget *empty_, *work_;
  QLabel *step_title_, *step_fact_, *note_;
  QToolButton *proponents_, *opponents_;
  QComboBox *sources_, *methods_;
  QLabel *list_unit_, *list_empty_;
  QuietList* list_;
  QWidget* list_part_;
  DocumentListModel* model_;
  DocumentView* view_;
  QSplitter* splitter_;
  QLabel *empty_title_, *empty_text_, *stage_;
  QPushButton *attribute_, *options_, *cancel_, *stop_;
  QProgressBar* progress_;
};

}  // namespace stemma
