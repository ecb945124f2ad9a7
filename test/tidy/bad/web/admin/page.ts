// FIXME: a page
