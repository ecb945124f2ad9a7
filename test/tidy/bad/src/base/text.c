/* text.c: blanks, tabs and columns.  123456789012345678901234567890123456789012345678901234567890 */
	int text_a;
int text_b; 
/* TODO: later */
